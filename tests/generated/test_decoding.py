"""From bytes to models: the fast way gives what the exact one does, whatever a body holds and whatever was learned."""

import contextlib
import copy
import inspect
import json
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import attrs
import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

Package = Any  # a class of conftest.py, which tests cannot import


def forget(ours: Package) -> None:
    """As in a new process: nothing learned yet."""
    decoding = ours.module("decoding")
    for way in decoding._ways.values():
        way.learned = ()
    decoding._decoders.clear()


@pytest.fixture(autouse=True)
def _cold(ours: Package) -> Iterator[None]:
    forget(ours)
    yield
    forget(ours)


def is_fast(ours: Package, model: Any, content: bytes, *, many: bool = False) -> bool:
    """Whether the fast way takes the bytes, with what is learned."""
    return ours.module("decoding")._decode_fast(model, content, many=many) is not None


def exact(value: Any) -> Any:
    """A form in which equal means the same types, too; of models by their fields, whatever package they are of."""
    if attrs.has(type(value)):
        return type(value).__name__, {
            field.name: exact(getattr(value, field.name)) for field in attrs.fields(type(value))
        }
    if isinstance(value, list):
        return [exact(item) for item in value]
    if isinstance(value, dict):
        return {key: exact(item) for key, item in value.items()}
    kind = type(value).__name__
    return kind, None if kind == "Unset" else repr(value)


def outcome(ours: Package, decode: Callable[[Any], Any], body: Any) -> Any:
    try:
        return exact(decode(body))
    except ours.errors.MalformedBody as error:
        return "malformed", error.path, error.expected, exact(error.value)


def exactly(ours: Package, decode: Callable[[Any], Any]) -> Callable[[bytes], Any]:
    """The exact way alone."""
    return lambda content: decode(ours.types.load_json(content))


def check(ours: Package, content: bytes) -> None:
    """Both ways agree on the bytes as a page, as an image, and as a list of images: cold, and warm."""
    page, image = ours.models.ProductImagePage, ours.models.ProductImage
    for decode, reference in (
        (page.from_json, page.from_dict),
        (image.from_json, image.from_dict),
        (image.list_from_json, ours.types.list_of(image.from_dict)),
    ):
        expected = outcome(ours, exactly(ours, reference), content)
        assert outcome(ours, decode, content) == expected
        assert outcome(ours, decode, content) == expected


# Bodies are made as text: numbers, escapes and duplicates that json.dumps would never write.

IMAGE = {
    "pk": "1",
    "product": "123",
    "source": '"unified"',
    "modified_date": '"2022-11-25T12:06:42.954200Z"',
    "created_date": '"2022-11-25T12:06:41.117003Z"',
    "height": "1200",
    "width": "800",
    "hash": '"9b2cf535f27731c974343645a3985328"',
    "status": '"active"',
    "is_active": "true",
    "order": "0",
    "object_id": "123",
    "content_type": '"product"',
}
NULLABLE = ("source", "height", "width", "hash")
INTEGERS = ("pk", "product", "height", "width", "order", "object_id")
DATES = ("modified_date", "created_date")


def dumps(value: object) -> str:
    return json.dumps(value)


def row(fields: list[tuple[str, str]]) -> str:
    return "{" + ",".join(f"{name}:{value}" for name, value in fields) + "}"


def page(rows: list[str], *more: str) -> bytes:
    """The bytes of a page. Halves of surrogate pairs go out as json.loads takes them in."""
    fields = [f'"count": {len(rows)}', '"next":null', f'"results":[{",".join(rows)}]', *more]
    return ("{" + ", ".join(fields) + "}").encode("utf-8", "surrogatepass")


DAYS = st.sampled_from(
    ["2022-11-25", "2024-02-29", "2023-02-29", "0001-01-01", "9999-12-31", "0000-01-01", "20221125", "2022-W47-5", ""]
)
SEPARATORS = st.sampled_from(["T", "t", " ", "_", ""])
TIMES = st.sampled_from(["12:06:42", "00:00:00", "23:59:59", "23:59:60", "24:00:00", "12:06", "120642", "12:60:00"])
FRACTIONS = st.sampled_from(
    ["", ".9", ".954200", ".9542004", ".9542005", ".9999999", ".123456789012", ".", ",954200", ".95420x", ".٩"]
)
OFFSETS = st.sampled_from(
    [
        "Z",
        "z",
        "",
        "+00:00",
        "-00:00",
        "+03:00",
        "-23:59",
        "+24:00",
        "+03:60",
        "+0300",
        "-0000",
        "+03",
        "Z\\n",
        " ",
        "\\u005a",
    ]
)
DATE_TIMES = st.builds(
    lambda *parts: '"' + "".join(parts) + '"', DAYS | st.just("2022-11-25"), SEPARATORS | st.just("T"), TIMES, FRACTIONS,
    OFFSETS | st.just("Z"),
)  # fmt: skip
NUMBERS = st.sampled_from(
    [
        *(
            "-0",
            "-0.0",
            "12.0",
            "1e2",
            "1E400",
            "1.5",
            "01",
            "1.",
            "-",
            "NaN",
            "Infinity",
            "-Infinity",
            "1e23",
            "100e-2",
        ),
        *(str(2**63 - 1), str(2**63), str(2**64), str(-(2**63) - 1), "9" * 30, "9" * 5000, "9007199254740993.0"),
    ]
) | st.floats(allow_nan=False).map(repr)
STRINGS = st.sampled_from(
    ['"\\ud800"', '"\\ud83d\\ude00"', '"\\u0041"', '"\ud800"', '"\x01"', '"\\x"', '"\\/"', '"\\u0000"', '""', '"\x7f"', "'a'"]
) | st.text(max_size=4).map(dumps)  # fmt: skip
OTHERS = st.sampled_from(
    [
        "null",
        "true",
        "false",
        "nulll",
        "{}",
        "[]",
        "[1,]",
        '{"a":1,"a":2}',
        '{"a":NaN}',
        '[{"b":[null]}]',
        "",
        '"active"',
    ]
)
TOKENS = st.one_of(NUMBERS, STRINGS, DATE_TIMES, OTHERS)
NAMES = st.sampled_from(['"image"', '"is_main"', '"_0"', '"hash_"', '"additional_properties"', '"pk "', '""', '"\\u0070k"']) | (
    st.text(max_size=3).map(dumps)
)  # fmt: skip
KNOWN = st.sampled_from([dumps(name) for name in IMAGE])

# What happens to a field of a row: it goes, it gets a value (a known one also a second), or there is one more.
CHANGES = st.one_of(
    st.tuples(st.just("without"), KNOWN, st.just("")),
    st.tuples(st.just("with"), KNOWN, TOKENS),
    st.tuples(st.just("with"), st.sampled_from([dumps(name) for name in DATES]), DATE_TIMES),
    st.tuples(st.just("more"), NAMES | KNOWN, TOKENS),
)


def changed(changes: list[tuple[str, str, str]]) -> str:
    fields = [(dumps(name), value) for name, value in IMAGE.items()]
    for kind, name, value in changes:
        if kind == "without":
            fields = [field for field in fields if field[0] != name]
        elif kind == "with":
            fields = [(field[0], value) if field[0] == name else field for field in fields]
        else:
            fields.append((name, value))
    return row(fields)


ROWS = st.lists(st.lists(CHANGES, max_size=2).map(changed), max_size=4)


@given(rows=ROWS, more=st.none() | TOKENS)
def test_any_page_is_decoded_as_the_exact_way_does_it(ours: Package, rows: list[str], more: str | None) -> None:
    forget(ours)
    check(ours, page(rows) if more is None else page(rows, f'"page_size":{more}'))


@given(rows=st.lists(ROWS, min_size=2, max_size=4))
def test_what_a_page_taught_costs_no_other_page_a_field(ours: Package, rows: list[list[str]]) -> None:
    forget(ours)
    model = ours.models.ProductImagePage
    for content in map(page, [*rows, *rows]):
        assert outcome(ours, model.from_json, content) == outcome(ours, exactly(ours, model.from_dict), content)


@given(fields=st.lists(CHANGES, max_size=3).map(changed))
def test_any_image_and_array_are_decoded_as_the_exact_way_does_it(ours: Package, fields: str) -> None:
    forget(ours)
    check(ours, fields.encode("utf-8", "surrogatepass"))
    check(ours, f"[{fields}, {row([(dumps(n), v) for n, v in IMAGE.items()])}]".encode("utf-8", "surrogatepass"))


VALID = st.one_of(
    st.tuples(st.just("without"), KNOWN, st.just("")),
    st.tuples(st.just("with"), st.sampled_from([dumps(name) for name in NULLABLE]), st.just("null")),
    st.tuples(st.just("with"), st.sampled_from([dumps(name) for name in INTEGERS]), st.integers(0, 2**63 - 1).map(str)),
    st.tuples(st.just("with"), st.just('"hash"'), st.text(max_size=4).map(dumps)),
    st.tuples(st.just("with"), st.just('"status"'), st.sampled_from(['"active"', '"disabled"'])),
    st.tuples(
        st.just("with"),
        st.sampled_from([dumps(name) for name in DATES]),
        st.builds(
            lambda *parts: '"2022-11-25T12:06:42' + "".join(parts) + '"',
            st.sampled_from(["", ".9", ".954200", ".9542005", ".123456789012"]),
            st.sampled_from(["Z", "+00:00", "-00:00", "+03:00", "-23:59"]),
        ),
    ),
    st.tuples(
        st.just("more"), st.sampled_from(['"image"', '"is_main"']), st.sampled_from(["null", '"x"', '{"a":[1]}'])
    ),
)


@given(rows=st.lists(st.lists(VALID, max_size=4).map(changed), max_size=4))
def test_a_valid_page_is_decoded_as_by_stock(ours: Package, stock: Package, rows: list[str]) -> None:
    content = page(rows)
    expected = exact(stock.models.ProductImagePage.from_dict(json.loads(content)))
    for _ in range(2):
        assert exact(ours.models.ProductImagePage.from_json(content)) == expected
    assert is_fast(ours, ours.models.ProductImagePage, content)


@given(content=st.binary() | st.text().map(str.encode))
def test_any_bytes_are_decoded_as_the_exact_way_does_it(ours: Package, content: bytes) -> None:
    check(ours, content)


@pytest.mark.parametrize(
    "fields",
    [
        # What msgspec alone would take otherwise than `from_dict`.
        {"created_date": '"2022-11-25T12:06:42.1234567Z"'},  # rounded up
        {"created_date": '"9999-12-31T23:59:59.9999999Z"'},  # over the end of time
        {"created_date": '"2022-11-25T12:06:42+0300"'},
        {"created_date": '"2022-11-25T12:06:42.12-0000"'},
        # What fromisoformat alone would.
        {"created_date": '"2022-11-25T12:06:42,954200Z"'},
        {"created_date": '"2022-W47-5T12:06:42.954200Z"'},
        {"created_date": '"2022-11-25_12:06:42.954200Z"'},
        {"created_date": '"2022-11-25T12:06:42"'},
        {"created_date": '"2022-11-25T12:06:42.95420\\n0Z"'},  # two lines, as the forms are compared
        {"created_date": '"2022-11-25T12:06:42Z\\n2022-11-25T12:06:42Z"'},
        {"created_date": '""'},
        {"created_date": '"2022-11-25t12:06:42z"'},
        # As long as a date-time with microseconds and Z.
        {"created_date": '"2022-11-25t12:06:42.954200z"'},
        {"created_date": '"2022-11-25 12:06:42.954200Z"'},
        {"created_date": '"2022-11-25T12:06:42.9542007"'},
        {"created_date": '"2022-11-25T12:06:42.95+0000"'},
        {"created_date": '"2022-11-25T12:06:42.9+03:00"'},
        {"created_date": '"2022-02-30T12:06:42.954200Z"'},
        {"created_date": '"0000-11-25T12:06:42.954200Z"'},
        {"created_date": '"2022-11-25T24:00:00.000000Z"'},
        {"created_date": '"2022-11-25T12:06:42.95420\u0663Z"'},
        # What it refuses, and `from_dict` takes.
        {"width": "12.0"},
        {"hash": '"\\ud800"'},
        {"unknown": "1e400"},
        # Names that could be taken for others.
        {"hash_": '"unknown"'},
        {"_0": "1", "_1": "2"},
        {"additional_properties": '{"a": 1}'},
        {'quote\\"': "1", "back\\\\slash": "2", "line\\n": "3", "\\ud800": "4", "": "5", "é": "6"},
        {"x" * 1000: "1"},
    ],
    ids=lambda fields: next(iter(fields))[:12],
)
def test_what_differs_between_the_parsers(ours: Package, fields: Mapping[str, str]) -> None:
    usual, odd = dict(IMAGE), {**IMAGE, **fields}
    texts = [row([(f'"{name}"', value) for name, value in image.items()]) for image in (usual, odd, usual)]
    check(ours, page(texts))
    check(ours, texts[1].encode())


DATE_TIME = "2022-11-25T12:06:42.954200Z"
EDITS = st.tuples(st.integers(0, len(DATE_TIME)), st.integers(0, 2), st.text("0123456789-:.,+TtZz W\n\u0663", max_size=6))


def edited(edits: list[tuple[int, int, str]]) -> str:
    text = DATE_TIME
    for start, length, new in edits:
        text = text[:start] + new + text[start + length :]
    return text


@given(texts=st.lists(st.lists(EDITS, max_size=2).map(edited), min_size=1, max_size=4))
def test_date_times_are_read_as_the_exact_way_does_it_or_left_to_it(ours: Package, texts: list[str]) -> None:
    try:
        values = ours.module("decoding").decode_date_times(texts)
    except ValueError:
        return
    decode = ours.module("types").decode_date_time
    assert exact(values) == exact([decode(text) for text in texts])


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_the_encodings_of_json_are_read(ours: Package, image: Mapping[str, Any], encoding: str) -> None:
    content = json.dumps(image).encode(encoding)
    assert ours.models.ProductImage.from_json(content).to_dict() == image


def test_the_last_of_duplicates_wins(ours: Package) -> None:
    content = b'{"pk": "x", "pk": 1, "hash": "a", "hash": "b", "z": 1, "z": 2}'
    for _ in range(2):
        assert ours.models.ProductImage.from_json(content).to_dict() == {"pk": 1, "hash": "b", "z": 2}


def test_what_is_no_json_is_malformed_with_its_bytes(ours: Package) -> None:
    for decode in (ours.models.ProductImagePage.from_json, ours.models.ProductImage.list_from_json):
        with pytest.raises(ours.errors.MalformedBody) as caught:
            decode(b'{"results": [')
        assert (caught.value.path, caught.value.value) == ("", b'{"results": [')


@pytest.mark.parametrize("name", ["ErrorDetail", "FieldErrors"])
@pytest.mark.parametrize(
    "content", [b"{}", b'{"detail": "no", "code": 7}', b'{"detail": null}', b'{"a": ["b"]}', b"[]"]
)
def test_the_other_models_are_decoded_alike(ours: Package, name: str, content: bytes) -> None:
    model = getattr(ours.models, name)
    expected = outcome(ours, model.from_dict, json.loads(content))
    for _ in range(2):
        assert outcome(ours, model.from_json, content) == expected


# The fast way


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"status": "archived", "source": "ftp"},
        {"created_date": "2022-11-25T12:06:42Z"},
        {"created_date": "2022-11-25 15:06:42.123456789+03:00", "modified_date": None},
        dict.fromkeys(IMAGE),
        {"pk": 2**70},
    ],
    ids=["usual", "enums", "seconds", "nanoseconds", "nulls", "big"],
)
def test_what_a_service_sends_goes_the_fast_way(
    ours: Package, image: Mapping[str, Any], change: Mapping[str, Any]
) -> None:
    content = json.dumps([image, {**image, **change}, {"pk": 1}]).encode()
    assert is_fast(ours, ours.models.ProductImage, content, many=True)
    check(ours, content)


def test_unknown_fields_go_the_fast_way_once_learned(ours: Package, image: Mapping[str, Any]) -> None:
    model = ours.models.ProductImagePage
    first = json.dumps({"results": [{**image, "image": "a", "main": None}, image], "size": 2}).encode()
    other = json.dumps({"results": [{**image, "main": {"x": [1]}}, {**image, "image": 1, "main": 2}]}).encode()
    assert not is_fast(ours, model, first)
    assert model.from_json(first).results[0].additional_properties == {"image": "a", "main": None}
    for content in (first, other):
        assert is_fast(ours, model, content)
        check(ours, content)
    # What the page taught serves a list of images and a single one.
    assert is_fast(ours, ours.models.ProductImage, json.dumps([{"image": 1}]).encode(), many=True)


@pytest.mark.parametrize("name", ["line\n", "\x00", 'quote"', "back\\slash", "\ud800", "x" * 1000], ids=ascii)
def test_a_name_that_cannot_be_learned_leaves_the_fast_way_open(ours: Package, name: str) -> None:
    model = ours.models.ProductImage
    content = json.dumps({"pk": 1, name: 2, "image": 3}).encode()
    assert model.from_json(content).additional_properties == {name: 2, "image": 3}
    assert is_fast(ours, model, b'{"pk": 1, "image": 3}')
    assert ours.module("decoding")._ways[model].learned == ("image",)


def test_made_up_names_neither_fill_the_memory_nor_get_lost(ours: Package) -> None:
    model, decoding = ours.models.ProductImage, ours.module("decoding")
    for start in range(0, 200, 5):
        rows = [{"pk": number, f"name-{number}": number} for number in range(start, start + 5)]
        content = json.dumps(rows).encode()
        assert [each.to_dict() for each in model.list_from_json(content)] == rows
        assert len(decoding._ways[model].learned) <= decoding.MAX_LEARNED
    assert len(decoding._ways[model].learned) == 30


def test_threads_that_learn_at_once_lose_nothing(ours: Package) -> None:
    barrier = threading.Barrier(4)

    def decode(thread: int) -> bool:
        barrier.wait()
        return all(
            ours.models.ProductImage.from_json(json.dumps(body).encode()).to_dict() == body
            for body in ({"pk": 1, f"{thread}-{number % 7}": number} for number in range(200))
        )

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(decode, range(4)))


def test_a_subclass_decodes_by_its_own_from_dict(ours: Package) -> None:
    class Mine(ours.models.ProductImage):  # type: ignore[misc]  # a class that is known at run time only
        @classmethod
        def from_dict(cls, src_dict: Mapping[str, Any]) -> Any:
            return super().from_dict({**src_dict, "pk": 7})

    assert type(Mine.from_json(b"{}")) is Mine
    assert [each.pk for each in Mine.list_from_json(b"[{}, {}]")] == [7, 7]


def test_operations_decode_bytes_the_same_way(ours: Package, image: Mapping[str, Any]) -> None:
    client = ours.client.Client(base_url="https://host")
    decoded = ours.models.ProductImage.from_dict(image)
    for operation, body, expected in (
        ("list_product_images", {"results": [image]}, ours.models.ProductImagePage(results=[decoded])),
        ("list_product_image_inserts", [image], [decoded]),
        ("retrieve_product_image", image, decoded),
    ):
        response = httpx.Response(200, json=body)
        assert ours.operation(operation)._build_response(client=client, response=response).parsed == expected


# Models that came the fast way


@pytest.fixture
def two(ours: Package, image: Mapping[str, Any]) -> Any:
    return ours.models.ProductImage.list_from_json(json.dumps([image, image]).encode())


def test_each_model_has_additional_properties_of_its_own(two: Any) -> None:
    two[0]["caption"] = "a"
    assert (two[0].additional_properties, two[1].additional_properties) == ({"caption": "a"}, {})
    assert "caption" not in two[1]
    assert two[1].additional_properties is two[1].additional_properties


def test_learned_properties_are_each_model_s_own(ours: Package) -> None:
    content = b'[{"a": [1], "b": 2}, {"a": [1], "b": 2}, {"a": [1]}]'
    for _ in range(2):
        first, second, third = ours.models.ProductImage.list_from_json(content)
        first["a"].append(3)
        del first["b"]
        assert (first.to_dict(), second.to_dict(), third.to_dict()) == ({"a": [1, 3]}, {"a": [1], "b": 2}, {"a": [1]})


USES: list[Callable[[Any], Any]] = [
    copy.copy,
    copy.deepcopy,
    lambda model: pickle.loads(pickle.dumps(model)),
    attrs.evolve,
    attrs.asdict,
    repr,
    lambda model: model.to_dict(),
    lambda model: model.additional_keys,
]


@pytest.mark.parametrize("use", USES)
def test_they_are_as_any_other(ours: Package, two: Any, image: Mapping[str, Any], use: Callable[[Any], Any]) -> None:
    exactly_made = ours.models.ProductImage.from_dict(image)
    assert use(two[0]) == use(exactly_made)
    assert two[1] == exactly_made


def test_they_have_no_other_attributes(two: Any) -> None:
    assert not hasattr(two[0], "__dict__")
    with pytest.raises(AttributeError, match="'ProductImage' object has no attribute 'widht'") as caught:
        _ = two[0].widht
    assert (caught.value.name, caught.value.obj) == ("widht", two[0])


def test_threads_get_the_same_additional_properties(ours: Package) -> None:
    (model,) = ours.models.ProductImage.list_from_json(b"[{}]")
    barrier = threading.Barrier(4)

    def write(number: int) -> None:
        barrier.wait()
        model[str(number)] = number

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    assert len(model.additional_properties) == 4


def test_what_another_thread_made_meanwhile_is_kept(
    ours: Package, two: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = {"caption": "a"}

    class Lock(contextlib.nullcontext[None]):
        def __enter__(self) -> None:
            two[0].additional_properties = made

    monkeypatch.setattr(ours.module("decoding"), "_lock", Lock())
    assert two[0].additional_properties is made


def test_no_attribute_is_read_by_code_of_ours(ours: Package) -> None:
    # With a `__getattr__`, Python takes ten times as long for each of them.
    for model in (ours.models.ProductImage, ours.models.ProductImagePage):
        assert not hasattr(model, "__getattr__")
        slots = [vars(model)[field.name] for field in attrs.fields(model) if field.name != "additional_properties"]
        assert all(map(inspect.ismemberdescriptor, slots))


def test_a_string_that_repeats_is_kept_once(two: Any) -> None:
    assert two[0].content_type is two[1].content_type


def test_importing_the_package_leaves_msgspec_for_later() -> None:
    code = "import sys, channel_images_api.api, channel_images_api.models; sys.exit('msgspec' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
