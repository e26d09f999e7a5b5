"""Names of the contract and names of the templates do not clash, whatever a contract calls its things."""

import asyncio
import inspect
import keyword
import pkgutil
from types import FunctionType, ModuleType
from typing import Any

import httpx
import pytest

from tests.generated.contracts import contract, decodings, package, refusal

STRING = {"type": "string"}
REF = {"$ref": "#/components/schemas/Row"}


def names_in(module: ModuleType) -> set[str]:
    """Whatever has a name in a module: what it imports and defines, and what its functions and classes name in turn."""
    names = {*vars(module), *keyword.kwlist, *keyword.softkwlist, "str", "list", "type", "id", "zip"}
    for value in vars(module).values():
        if inspect.isclass(value) and value.__module__ == module.__name__:
            names |= {name for base in value.__mro__ for name in vars(base)}
            functions = [getattr(each, "__func__", each) for each in vars(value).values()]
        else:
            functions = [value]
        for function in functions:
            if isinstance(function, FunctionType):
                names |= {*function.__code__.co_varnames, *function.__code__.co_names}
    return names


def upper_and_lower(names: set[str]) -> list[str]:
    return sorted({form for name in names for form in (name, name.lower(), name.capitalize(), name.strip("_")) if form.strip("_")})


@pytest.fixture(scope="module")
def names() -> list[str]:
    """All names of the modules that hold a model, an operation, an enum, and what they share."""
    parameters = [{"name": "q", "in": "query", "schema": STRING}]
    properties = {"text": STRING, "kind": {"enum": ["a"]}, "day": {"type": "string", "format": "date-time"}}
    with package(contract(properties, parameters=parameters)) as load:
        modules = ("models.row", "models.row_kind", "api.default.list_rows", "types", "decoding", "client", "errors")
        found = set[str]().union(*(names_in(load(module)) for module in modules))
    assert {"from_dict", "rest", "_field", "list_of", "_decode_kind", "encode_query", "built", "is_known", "Self"} <= found
    return upper_and_lower(found)


def test_a_property_may_have_any_name_that_generated_code_has(names: list[str]) -> None:
    # One at a time beside a few others is what contracts look like; a hundred packages are not needed to show it, since
    # what clashes does so in one class. Names that differ in case or underscores alone are in different schemas.
    groups: list[dict[str, Any]] = []
    for name in names:
        bare = name.replace("_", "").lower()
        group = next((each for each in groups if bare not in {k.replace("_", "").lower() for k in each}), None)
        if group is None:
            group = {}
            groups.append(group)
        group[name] = STRING
    schemas = {f"Group{number}": {"type": "object", "properties": group} for number, group in enumerate(groups)}
    with package(contract(schemas=schemas)) as load:
        for number, group in enumerate(groups):
            model = getattr(load("models"), f"Group{number}")
            row = dict(zip(group, group, strict=True))
            assert model.from_dict(row).to_dict() == row
            assert [each for each in decodings(load, model, row)[1:] if each != decodings(load, model, row)[0]] == []
            assert set(decodings(load, model, dict.fromkeys(group, 1))) == {(next(iter(group)), "a string")}


@pytest.mark.parametrize("kind", [{"type": "integer"}, {"enum": ["a"]}, {"type": "string", "format": "date-time"}, {}, REF])
@pytest.mark.parametrize(
    "name", ["from_dict", "value", "rest", "model", "datetime", "_row", "field", "UNSET", "self", "cls", "additional_keys"]
)
def test_a_property_of_any_kind_may(name: str, kind: Any) -> None:
    schemas = {"Other": {"type": "object", "properties": {name: kind, "other": kind}}}
    value: Any = {"pk": 1} if kind is REF else "a" if "enum" in kind else "2022-11-25T12:06:42Z" if "format" in kind else 1
    with package(contract(schemas=schemas)) as load:
        model = load("models").Other
        row = {name: value, "other": value}
        assert model.from_dict(row).to_dict() == row
        assert len({str(each) for each in decodings(load, model, row)}) == 1


def test_a_parameter_may_have_any_name_that_generated_code_has(names: list[str]) -> None:
    document = contract()
    operation = document["paths"]["/rows/"]["get"]
    for number, name in enumerate(names):
        parameters = [{"name": name, "in": "query", "schema": STRING}]
        document["paths"][f"/rows{number}/"] = {
            "get": {**operation, "operationId": f"list{number}", "parameters": parameters}
        }
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.raw_path.decode())
        return httpx.Response(200, json={"results": []})

    transport = httpx.MockTransport(answer)

    async def all_of(load: Any, client: Any) -> None:
        async with httpx.AsyncClient(base_url="http://rows.example", transport=transport) as connection:
            client.set_async_httpx_client(connection)
            for number, name in enumerate(names):
                module = load(f"api.default.list{number}")
                (argument,) = inspect.signature(module.request).parameters
                url = f"/rows{number}/?{name}=a"
                assert module.request(**{argument: "a"}).url == url
                assert module.sync(client=client, **{argument: "a"}).results == []
                assert (await module.asyncio(client=client, **{argument: "a"})).results == []
                assert asked[-2:] == [url, url]

    with package(document) as load, httpx.Client(base_url="http://rows.example", transport=transport) as connection:
        asyncio.run(all_of(load, load("client").Client(base_url="").set_httpx_client(connection)))


def test_an_operation_and_a_tag_may_have_any_name_that_generated_code_has(names: list[str]) -> None:
    document = contract()
    operation = document["paths"]["/rows/"]["get"]
    seen: set[str] = set()
    for number, name in enumerate(names):
        bare = name.replace("_", "").lower()
        if bare not in seen:
            seen.add(bare)
            document["paths"][f"/rows{number}/"] = {"get": {**operation, "operationId": name, "tags": [name]}}
    with package(document) as load:
        tags = {each.name for each in pkgutil.iter_modules(load("api").__path__)}
        assert len(tags) == len(seen)
        for tag in tags:
            for module in pkgutil.iter_modules(load(f"api.{tag}").__path__):
                assert load(f"api.{tag}.{module.name}").request().url.startswith("/rows")


def test_a_schema_may_have_any_name_that_generated_code_has(names: list[str]) -> None:
    schemas: dict[str, Any] = {}
    seen = {"row", "rowpage", ""}
    for name in names:
        bare = name.replace("_", "").lower()
        if bare not in seen:
            seen.add(bare)
            kind = {"enum": ["a"]} if len(seen) % 2 else {"type": "object", "properties": {"row": REF, "day": {}}}
            schemas[name] = kind
    used = {f"p{number}": {"$ref": f"#/components/schemas/{name}"} for number, name in enumerate(schemas)}
    lists = {f"l{number}": {"type": "array", "items": schema} for number, schema in enumerate(used.values())}
    schemas["Holder"] = {"type": "object", "properties": used | lists}
    value = {f"p{n}": "a" if "enum" in schemas[name] else {"row": {"pk": 1}} for n, name in enumerate([*schemas][:-1])}
    row = value | {f"l{n}": [each] for n, each in enumerate(value.values())}
    with package(contract(schemas=schemas)) as load:
        assert load("models").Holder.from_dict(row).to_dict() == row
        assert len({str(each) for each in decodings(load, load("models").Holder, row)}) == 1


def test_a_property_is_renamed_only_where_it_has_to_be() -> None:
    kept = ["field", "define", "value", "rest", "model", "cls", "d", "src_dict", "row", "encode", "register", "hash_"]
    with package(contract(dict.fromkeys(["from_dict", *kept[:-1], "hash"], STRING))) as load:
        names = [*inspect.signature(load("models").Row).parameters]
    assert names == ["pk", "from_dict_", *kept]


@pytest.mark.parametrize(
    "pair",
    [
        ("productId", "product_id"),
        ("_rank", "rank_"),
        ("a-b", "a_b"),
        ("a__b", "a_b"),
        ("Self", "self"),
        ("Any", "any"),
        ("UNSET", "unset"),
        ("\u00e9", "e\u0301x"),
    ],
)
def test_two_properties_whose_names_become_alike_stay_apart(pair: tuple[str, str]) -> None:
    row = dict.fromkeys(pair, "x") | {pair[1]: "y"}
    with package(contract(dict.fromkeys(pair, STRING))) as load:
        assert load("models").Row.from_dict(row).to_dict() == row
        assert len({str(each) for each in decodings(load, load("models").Row, row)}) == 1


@pytest.mark.parametrize("name", ["", " ", "$", "2x", "2x-url", "\u65e5\u672c", "\ufb01", "\u00aas", "\u0130", "a\u200db", 'a"b\\c', "\n"])
def test_a_property_may_have_a_name_that_no_identifier_is_made_of(name: str) -> None:
    row = {name: "x"}
    with package(contract({name: STRING})) as load:
        assert load("models").Row.from_dict(row).to_dict() == row
        assert load("models").Row.from_dict(row).additional_properties == {}
        assert len({str(each) for each in decodings(load, load("models").Row, row)}) == 1


def operations(*names: str) -> dict[str, Any]:
    document = contract()
    operation = document["paths"].pop("/rows/")["get"]
    for number, name in enumerate(names):
        document["paths"][f"/{number}/"] = {"get": {**operation, "operationId": name}}
    return document


@pytest.mark.parametrize(
    ("document", "line"),
    [
        (
            contract({"it": {"enum": ["a-b", "a_b"]}}),
            "enum RowIt: 'a-b' and 'a_b' both become A_B; name the members with x-enum-varnames",
        ),
        (
            contract({"it": {"enum": ["a", "b"], "x-enum-varnames": ["same", "SAME"]}}),
            "enum RowIt: 'a' and 'b' both become SAME; name the members with x-enum-varnames",
        ),
        (
            contract({"from_dict": STRING, "from_dict_": STRING}),
            "schema Row: 'from_dict' and 'from_dict_' both become from_dict_; rename one",
        ),
        (operations("listRows", "list_rows"), "operations of default: 2 of them become the module list_rows; rename them"),
        (
            contract(schemas={"fooBar": {"enum": ["a"]}, "FOOBar": {"enum": ["a"]}}),
            "schemas: 2 of them become the module foo_bar; rename them",
        ),
        (
            contract(schemas={"A": {"type": "object", "title": "\u00aa"}}),
            "schemas: the name \u00aa is not the same for every reader; write its letters plainly",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_names_that_cannot_be_kept_apart_are_refused_in_one_line(document: Any, line: str) -> None:
    assert refusal(document) == line
