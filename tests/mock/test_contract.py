"""The contract is found, read once, and says clearly when it is missing."""

from pathlib import Path

import pytest

from channel_images import contract


def test_it_is_the_repositorys_file() -> None:
    repository = Path(__file__).parents[2] / "openapi.yaml"
    assert contract.contract_text() == repository.read_text(encoding="utf-8")


def test_it_is_read_once() -> None:
    assert contract.load_contract() is contract.load_contract()
    assert contract.load_contract()["openapi"].startswith("3.1")


def test_a_missing_contract_says_where_it_was_looked_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(contract, "_candidates", lambda: (tmp_path / "openapi.yaml",))
    contract.contract_text.cache_clear()
    try:
        with pytest.raises(contract.ContractNotFound, match="install the package channel-images again"):
            contract.contract_text()
    finally:
        contract.contract_text.cache_clear()


def test_references_are_resolved_with_what_stands_beside_them() -> None:
    status = contract.load_contract()["components"]["schemas"]["ProductImage"]["properties"]["status"]
    resolved = contract.resolve(status)
    assert resolved["enum"] == ["active", "disabled"]
    assert resolved["description"] == status["description"]


def test_a_reference_that_leads_nowhere_is_an_error() -> None:
    with pytest.raises(KeyError):
        contract.resolve({"$ref": "#/components/schemas/Nothing"})
