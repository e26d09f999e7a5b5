"""What the decoded values are: enums, date-times, nulls, unknown fields; and that they survive copies and pickle."""

import copy
import datetime
import json
import pickle
from collections.abc import Callable, Mapping
from typing import Any

import attrs
import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

Package = Any  # a class of conftest.py, which tests cannot import

DUPLICATES: list[Callable[[Any], Any]] = [
    copy.copy,
    copy.deepcopy,
    *(
        lambda value, protocol=protocol: pickle.loads(pickle.dumps(value, protocol))
        for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1)
    ),
]
duplicates = pytest.mark.parametrize(
    "duplicate", DUPLICATES, ids=["copy", "deepcopy", "pickle2", "pickle3", "pickle4", "pickle5"]
)


def answer(content: bytes, status: int = 200) -> httpx.Response:
    return httpx.Response(status, content=content, request=httpx.Request("GET", "https://user:pass@host/path/?page=2"))


def build(api: Package, operation: str, content: bytes) -> Any:
    client = api.client.Client(base_url="https://host")
    return api.operation(operation)._build_response(client=client, response=answer(content))


# UNSET


@pytest.mark.repairs(raises=AssertionError)
@duplicates
def test_unset_stays_the_one_instance(api: Package, duplicate: Callable[[Any], Any]) -> None:
    assert duplicate(api.types.UNSET) is api.types.UNSET


def test_unset_is_falsy_and_says_its_name(ours: Package) -> None:
    assert not ours.types.UNSET
    assert repr(ours.types.UNSET) == "UNSET"


# Enums


@pytest.mark.repairs(raises=ValueError)
def test_an_unknown_status_keeps_its_row_and_type(api: Package) -> None:
    image = api.models.ProductImage.from_dict({"pk": 1, "status": "archived"})
    assert image.status == "archived"
    assert type(image.status) is api.models.ProductImageStatus
    assert image.to_dict() == {"pk": 1, "status": "archived"}


@pytest.mark.repairs(raises=AssertionError)
def test_an_unknown_source_keeps_its_type(api: Package) -> None:
    image = api.models.ProductImage.from_dict({"source": "ftp"})
    assert type(image.source) is api.models.ProductImageSource
    assert image.source.value == "ftp"


@pytest.mark.repairs(raises=(ValueError, AttributeError))
@duplicates
@pytest.mark.parametrize(("name", "value"), [("ProductImageSource", "ftp"), ("ProductType", 99), ("ProductType", -1)])
def test_an_unknown_member_is_equal_by_value(
    api: Package, duplicate: Callable[[Any], Any], name: str, value: str | int
) -> None:
    enum = getattr(api.models, name)
    member = enum(value)
    again = duplicate(member)
    assert member == again == value == enum(value)
    assert hash(member) == hash(again) == hash(value)
    assert type(again) is enum
    assert (again.name, again.value, str(again)) == ("UNKNOWN", value, str(value))
    assert repr(again) == f"<{name}.UNKNOWN: {value!r}>"
    assert not again.is_known
    assert value not in [known.value for known in enum]  # it is not registered
    assert json.dumps(member) == json.dumps(value)


@duplicates
def test_a_known_member_stays_the_one_instance(api: Package, duplicate: Callable[[Any], Any]) -> None:
    for member in (api.models.ProductImageStatus.ACTIVE, api.models.ProductType.OFFER):
        assert member.is_known
        assert duplicate(member) is member


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ProductImageSource", 5),
        ("ProductImageSource", None),
        ("ProductImageSource", b"x"),
        ("ProductType", "0"),
        ("ProductType", 7.5),
    ],
)
def test_a_value_of_another_type_is_no_member(api: Package, name: str, value: object) -> None:
    with pytest.raises(ValueError, match="is not a valid"):
        getattr(api.models, name)(value)


def test_a_boolean_is_no_integer_member(ours: Package) -> None:
    with pytest.raises(ours.errors.MalformedBody):
        ours.types.enum_of(ours.models.ProductType)(True)


@pytest.mark.repairs(raises=AssertionError)
def test_members_keep_the_order_of_the_contract(api: Package) -> None:
    assert [member.value for member in api.models.ProductImageSource] == ["unified", "integration", "seller_center"]
    assert [member.name for member in api.models.ProductType] == [
        "SIMPLE", "PRODUCT_META", "BUNDLE", "GROUPED", "MISCELLANEOUS", "OFFER"
    ]  # fmt: skip


# Fields


def test_every_field_of_the_example_is_decoded(api: Package, image: Mapping[str, Any]) -> None:
    model = api.models.ProductImage.from_dict(image)
    assert model.source is api.models.ProductImageSource.UNIFIED
    assert model.modified_date == datetime.datetime(2022, 11, 25, 12, 6, 42, 954200, datetime.UTC)
    assert (model.pk, model.hash_, model.is_active) == (1, "9b2cf535f27731c974343645a3985328", True)
    assert model.additional_properties == {}


@pytest.mark.repairs(raises=AssertionError)
def test_the_example_is_written_as_it_came(api: Package, image: Mapping[str, Any]) -> None:
    written = api.models.ProductImage.from_dict(image).to_dict()
    assert json.dumps(written) == json.dumps(image)


@pytest.mark.repairs(raises=(TypeError, ValueError))
@pytest.mark.parametrize("name", ["modified_date", "created_date", "status"])
def test_null_costs_no_row(api: Package, name: str) -> None:
    image = api.models.ProductImage.from_dict({"pk": 1, name: None})
    assert getattr(image, name) is None
    assert image.to_dict() == {"pk": 1, name: None}


def test_null_is_kept_in_every_field(ours: Package, image: Mapping[str, Any]) -> None:
    nulls = dict.fromkeys(image)
    assert ours.models.ProductImage.from_dict(nulls).to_dict() == nulls


def test_absent_is_not_null(api: Package) -> None:
    image = api.models.ProductImage.from_dict({})
    assert image.pk is api.types.UNSET
    assert image.to_dict() == {}


def test_unknown_fields_are_kept(api: Package, image: Mapping[str, Any]) -> None:
    model = api.models.ProductImage.from_dict({**image, "thumbnail": {"url": "x"}})
    assert model.additional_keys == ["thumbnail"]
    assert model["thumbnail"] == {"url": "x"}
    assert "thumbnail" in model
    model["more"] = 1
    del model["thumbnail"]
    assert model.to_dict() == {**image, "more": 1}


def test_a_known_field_wins_over_an_additional_one(api: Package) -> None:
    image = api.models.ProductImage(pk=1)
    image["pk"] = 2
    assert image.to_dict() == {"pk": 1}


def test_the_body_itself_is_not_changed(api: Package, image: Mapping[str, Any]) -> None:
    body = dict(image)
    api.models.ProductImage.from_dict(body)
    assert body == image


@pytest.mark.repairs(raises=AssertionError)
def test_an_integral_number_is_an_integer(api: Package) -> None:
    width = api.models.ProductImage.from_dict({"width": 12.0}).width
    assert (width, type(width)) == (12, int)


@pytest.mark.repairs(raises=pytest.fail.Exception)
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("width", True),
        ("width", "1"),
        ("width", 1.5),
        ("width", float("inf")),
        ("width", []),
        ("width", {}),
        ("hash", 1),
        ("hash", True),
        ("hash", []),
        ("hash", {}),
        ("is_active", 0),
        ("is_active", 1),
        ("is_active", "true"),
        ("is_active", ""),
        ("is_active", []),
        ("source", 5),
        ("source", True),
        ("source", []),
        ("source", {}),
    ],
)
def test_a_field_of_another_type_is_malformed(api: Package, name: str, value: object) -> None:
    with pytest.raises(getattr(api.errors, "MalformedBody", NotImplementedError)) as caught:
        api.models.ProductImage.from_dict({name: value})
    assert caught.value.path == name
    assert caught.value.value is value
    assert caught.value.response is None


@pytest.mark.parametrize(
    ("text", "expected", "written"),
    [
        ("2022-11-25T12:06:42.954200Z", (42, 954200), "2022-11-25T12:06:42.954200Z"),
        ("2022-11-25t12:06:42.9542z", (42, 954200), "2022-11-25T12:06:42.954200Z"),
        ("2022-11-25T12:06:42Z", (42, 0), "2022-11-25T12:06:42Z"),
        ("2022-11-25 12:06:42+00:00", (42, 0), "2022-11-25T12:06:42Z"),
        ("2022-11-25T15:06:42+03:00", (42, 0), "2022-11-25T12:06:42Z"),
        ("2022-11-25T12:06:42.123456789Z", (42, 123456), "2022-11-25T12:06:42.123456Z"),
    ],
)
def test_date_times(api: Package, text: str, expected: tuple[int, int], written: str) -> None:
    image = api.models.ProductImage.from_dict({"created_date": text})
    second, microsecond = expected
    assert image.created_date == datetime.datetime(2022, 11, 25, 12, 6, second, microsecond, datetime.UTC)
    assert image.to_dict() == {"created_date": written}


@pytest.mark.repairs(raises=(ValueError, TypeError, pytest.fail.Exception))
@pytest.mark.parametrize(
    "value",
    [
        "2022-11-25",
        "2022-11-25T12:06:42",
        "2022-11-25T12:06Z",
        "20221125T120642Z",
        "2022-W47-5T12:06:42Z",
        "2022-13-25T12:06:42Z",
        "2022-11-25T25:06:42Z",
        "2022-11-25T12:06:42+24:00",
        "0000-11-25T12:06:42Z",
        "2022-11-25T12:06:42Z\n",
        "٢٠٢٢-11-25T12:06:42Z",
        "",
        "yesterday",
        1669378002,
        True,
    ],
)
def test_what_is_no_instant_is_malformed(api: Package, value: object) -> None:
    with pytest.raises(getattr(api.errors, "MalformedBody", NotImplementedError)) as caught:
        api.models.ProductImage.from_dict({"created_date": value})
    assert caught.value.path == "created_date"


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+05:00", "9999-12-31T23:59:59-05:00"])
def test_an_instant_without_a_form_in_utc_is_written_with_its_offset(ours: Package, text: str) -> None:
    assert ours.models.ProductImage.from_dict({"created_date": text}).to_dict() == {"created_date": text}


def test_a_naive_date_time_of_the_caller_is_written_as_it_is(ours: Package) -> None:
    image = ours.models.ProductImage(created_date=datetime.datetime(2022, 11, 25))
    assert image.to_dict() == {"created_date": "2022-11-25T00:00:00"}


def test_a_missing_required_field_is_malformed(ours: Package) -> None:
    for body in ({}, {"detail": None}):
        with pytest.raises(ours.errors.MalformedBody) as caught:
            ours.models.ErrorDetail.from_dict(body)
        assert caught.value.path == "detail"


# Models


@pytest.mark.repairs(raises=AssertionError)
@pytest.mark.parametrize("duplicate", DUPLICATES[1:])  # stock survives a shallow copy
def test_models_survive_copies(api: Package, duplicate: Callable[[Any], Any], image: Mapping[str, Any]) -> None:
    rows = [{**image, "extra": [1]}, {"pk": 2}]
    page = api.models.ProductImagePage.from_dict({"count": 2, "results": rows})
    again = duplicate(page)
    assert again == page
    assert again.results[1].status is api.types.UNSET
    assert again.to_dict() == page.to_dict()


def test_models_are_slotted(api: Package) -> None:
    for model in (api.models.ProductImage(), api.models.ProductImagePage(), api.models.FieldErrors()):
        assert attrs.has(type(model))
        assert not hasattr(model, "__dict__")
        with pytest.raises(AttributeError):
            model.widht = 1


# Errors


@duplicates
def test_malformed_bodies_survive_copies(ours: Package, duplicate: Callable[[Any], Any]) -> None:
    with pytest.raises(ours.errors.MalformedBody) as caught:
        build(ours, "list_product_images", b'{"results": [{"width": "x"}]}')
    again = duplicate(caught.value)
    assert (again.path, again.value, again.expected) == ("results[0].width", "x", "an integer")
    assert again.response.status_code == 200
    assert str(again) == str(caught.value)
    assert str(again) == "GET https://host/path/?page=2 answered 200: results[0].width is not an integer: 'x'"
    assert "pass" not in repr(again)


@duplicates
def test_unexpected_statuses_survive_copies(ours: Package, duplicate: Callable[[Any], Any]) -> None:
    again = duplicate(ours.errors.UnexpectedStatus(502, b"<html>"))
    assert (again.status_code, again.content) == (502, b"<html>")
    assert str(again) == "the contract does not document status 502: b'<html>'"


@pytest.mark.parametrize(
    "value",
    ["x\n" * 10**6, [[[[[["deep"]]]]]] * 1000, {"key" * 1000: "value"}, ["x" * 70] * 6, 10**3000, 10**5000],
    ids=["long", "deep", "key", "wide", "digits", "too many digits"],
)
def test_messages_stay_short(ours: Package, value: object) -> None:
    with pytest.raises(ours.errors.MalformedBody) as caught:
        ours.models.ProductImage.from_dict({"is_active": value})
    for text in (str(caught.value), repr(caught.value)):
        assert len(text) < 170
        assert "\n" not in text
    assert caught.value.value is value


def test_a_response_without_its_request_is_named_by_its_status(ours: Package) -> None:
    client = ours.client.Client(base_url="https://host")
    with pytest.raises(ours.errors.MalformedBody, match=r"^status 200: the body is not JSON: b'x'$"):
        ours.operation("retrieve_product_image")._build_response(
            client=client, response=httpx.Response(200, content=b"x")
        )


# Any body

ZONES = st.sampled_from([datetime.UTC, datetime.timezone(datetime.timedelta(hours=3))])
INSTANTS = st.datetimes(min_value=datetime.datetime(1970, 1, 1), timezones=ZONES).map(datetime.datetime.isoformat)
IDS = st.integers(0, 2**63 - 1)
SIZES = st.none() | st.integers(0, 10_000)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "pk": IDS,
    "product": IDS,
    "source": st.none() | st.sampled_from(["unified", "integration", "seller_center"]),
    "modified_date": INSTANTS,
    "created_date": INSTANTS,
    "height": SIZES,
    "width": SIZES,
    "hash": st.none() | st.text(),
    "status": st.sampled_from(["active", "disabled"]),
    "is_active": st.booleans(),
    "order": st.integers(),
    "object_id": IDS,
    "content_type": st.text(),
    "caption": JSON,
}
IMAGES = st.fixed_dictionaries({}, optional=FIELDS)
ENVELOPE: dict[str, st.SearchStrategy[Any]] = {
    "count": IDS,
    "next": st.none() | st.text(),
    "previous": st.none() | st.text(),
    "results": st.lists(IMAGES, max_size=3),
}
PAGES = st.fixed_dictionaries({}, optional=ENVELOPE)


def decoded(ours: Package, operation: str, content: bytes) -> Any:
    """The parsed body, or None where it was malformed; nothing else may come out."""
    malformed = ours.errors.MalformedBody
    try:
        response = build(ours, operation, content)
    except malformed as error:
        described = error
    else:
        assert response.parsed is not None
        return response.parsed
    assert described.response.content == content
    assert len(str(described)) < 500  # a path may hold a long name
    return None


# Near the contract: any value may stand in any place.
NEAR_IMAGES = st.fixed_dictionaries({}, optional={name: valid | JSON for name, valid in FIELDS.items()}) | JSON
NEAR_PAGES = st.fixed_dictionaries(
    {}, optional={**{name: valid | JSON for name, valid in ENVELOPE.items()}, "results": st.lists(NEAR_IMAGES) | JSON}
)


def plain(value: Any) -> Any:
    """Models of two packages in a form in which they can be compared: by names of types, and by values."""
    if attrs.has(type(value)):
        return {name.name: plain(getattr(value, name.name)) for name in attrs.fields(type(value))}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return type(value).__name__, None if type(value).__name__ == "Unset" else value


@settings(deadline=None, database=None)
@given(body=PAGES)
def test_a_valid_page_decodes_as_in_stock(ours: Package, stock: Package, body: dict[str, Any]) -> None:
    page = ours.models.ProductImagePage.from_dict(body)
    assert plain(page) == plain(stock.models.ProductImagePage.from_dict(body))
    again = ours.models.ProductImagePage.from_dict(page.to_dict())
    assert again == page


@settings(deadline=None, database=None)
@given(body=NEAR_PAGES | st.lists(NEAR_IMAGES, max_size=3) | NEAR_IMAGES)
@pytest.mark.parametrize("operation", ["list_product_images", "list_product_image_updates", "retrieve_product_image"])
def test_any_json_is_decoded_or_malformed(ours: Package, operation: str, body: object) -> None:
    parsed = decoded(ours, operation, json.dumps(body).encode())
    if parsed is not None:
        json.dumps([row.to_dict() for row in parsed] if isinstance(parsed, list) else parsed.to_dict())


@settings(deadline=None, database=None)
@given(content=st.binary())
def test_any_bytes_are_decoded_or_malformed(ours: Package, content: bytes) -> None:
    decoded(ours, "list_product_images", content)
