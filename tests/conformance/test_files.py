"""Files that people give to a check: none of them keeps it busy for long."""

from pathlib import Path

import pytest

from channel_images.conformance.files import MOST_BYTES, BadFile, load, packaged_schema

WAIVERS = packaged_schema("waivers")
NUMBERS = ["1" + ":1" * 100_000, "-1" + ":59" * 80_000, "1" + ":1" * 100_000 + ".5", "1:30", "190:20:30"]


@pytest.mark.parametrize("text", NUMBERS, ids=lambda text: text[:12])
@pytest.mark.parametrize("where", ["{}", "- rule: {}", "- reason: [{}]"])
def test_numbers_to_the_base_of_60_are_text(tmp_path: Path, text: str, where: str) -> None:
    """As numbers, the long ones take longer with the square of their length: a minute for some hundred thousand."""
    path = tmp_path / "waivers.yaml"
    path.write_text(where.format(text))
    with pytest.raises(BadFile, match=r'"-?\d+:|unknown|missing') as refused:
        load(path, WAIVERS)
    assert "null" not in str(refused.value)


def test_the_largest_file_is_far_larger_than_any_that_is_needed(tmp_path: Path) -> None:
    path = tmp_path / "waivers.yaml"
    path.write_bytes(b"#" * MOST_BYTES)
    assert load(path, WAIVERS).data is None
    path.write_bytes(b"#" * (MOST_BYTES + 1))
    with pytest.raises(BadFile, match="larger than 250,000 bytes"):
        load(path, WAIVERS)
