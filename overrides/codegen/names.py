"""Names in the generated code, where those that openapi-python-client makes would clash with a name of the templates.

It renames what clashes with a keyword or a builtin, with an underscore at the end. So do we, for the names in the lists
below; tests/generated/test_names.py holds them complete. What is still not unique is refused.
"""

import unicodedata
from collections import Counter
from collections.abc import Iterable
from keyword import iskeyword
from typing import Any

from subset import GenerationError

# What stands in the body of a model's class beside its fields.
ATTRIBUTES = frozenset(
    {"additional_keys", "additional_properties", "field", "from_dict", "from_json", "list_from_json", "to_dict"}
)
# What the functions of an operation use.
PARAMETERS = frozenset(
    {
        "asyncio_detailed",
        "build_request",
        "build_response",
        "built",
        "client",
        "encode_query",
        "encode_segment",
        "request",
        "response",
        "sync_detailed",
    }
)
# What the modules of models and operations import, in the form of a class's name.
CLASSES = frozenset(
    {
        "Any",
        "Callable",
        "Client",
        "Field",
        "Iterable",
        "Literal",
        "Mapping",
        "Request",
        "Response",
        "Self",
        "UNSET",
        "UUID",
        "Unset",
    }
)


def prepare() -> None:
    """Have openapi-python-client name classes and members of enums as we want them, before it reads a contract."""
    from openapi_python_client import strings
    from openapi_python_client.parser.properties import EnumProperty

    strings.RESERVED_WORDS.update(CLASSES)
    # Its own loses values whose names become the same, and characters of values that it cannot print.
    EnumProperty.values_from_list = staticmethod(_members)  # type: ignore[method-assign,assignment]  # values stay raw


def _members(values: list[Any], class_info: Any, names: list[str]) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for number, value in enumerate(values):
        name = _member(value, number, names)
        if name in members:
            raise GenerationError(
                f"enum {class_info.name}: {members[name]!r} and {value!r} both become {name};"
                " name the members with x-enum-varnames"
            )
        members[name] = value
    return members


def _member(value: Any, number: int, names: list[str]) -> str:
    from openapi_python_client.strings import snake_case

    if names:
        text = names[number]
    elif isinstance(value, int):
        text = f"VALUE_NEGATIVE_{-value}" if value < 0 else f"VALUE_{value}"
    else:
        text = value.upper()
    name = unicodedata.normalize("NFKC", snake_case(text).upper())
    if (isinstance(value, int) or value[:1].isalpha() or names) and name.isidentifier() and not iskeyword(name):
        return name
    return f"VALUE_{number}"


def settle(data: Any) -> None:
    """Make the names of fields and parameters free of clashes.

    Raises:
        GenerationError: Names of two things would be the same.
    """
    for model in data.models:
        fields = model.required_properties + model.optional_properties
        for prop in fields:
            prop.python_name = _free(prop.python_name, ATTRIBUTES)
        _refuse_twins(f"schema {model.class_info.name}", fields)
    for tag, collection in data.endpoint_collections_by_tag.items():
        for endpoint in collection.endpoints:
            _settle_parameters(endpoint)
        _refuse_modules(f"operations of {tag}", [endpoint.name for endpoint in collection.endpoints])
    _refuse_modules("tags", [*data.endpoint_collections_by_tag])
    _refuse_modules("schemas", [each.class_info.module_name for each in [*data.models, *data.enums]])


def _settle_parameters(endpoint: Any) -> None:
    parameters = endpoint.path_parameters + endpoint.query_parameters
    path = endpoint.path.get_untrusted_value()
    for prop in parameters:
        name = _free(prop.python_name, PARAMETERS)
        if prop in endpoint.path_parameters:
            path = path.replace(f"{{{prop.python_name}}}", f"{{{name}}}")
        prop.python_name = name
    endpoint.path = type(endpoint.path)(path)
    _refuse_twins(f"{endpoint.method.upper()} {path}", parameters)


def _free(name: str, taken: frozenset[str]) -> str:
    # As Python reads an identifier; what it makes of one may be a keyword.
    name = unicodedata.normalize("NFKC", name)
    if not name.isidentifier():
        name = f"field_{name}"
    return f"{name}_" if name in taken or iskeyword(name) else name


def _refuse_twins(where: str, props: Iterable[Any]) -> None:
    names: dict[str, str] = {}
    for prop in props:
        name = prop.name.get_untrusted_value()
        if (other := names.setdefault(prop.python_name, name)) is not name:
            raise GenerationError(f"{where}: {other!r} and {name!r} both become {prop.python_name}; rename one")


def _refuse_modules(what: str, names: list[str]) -> None:
    for name, count in Counter(names).items():
        if count > 1:
            raise GenerationError(f"{what}: {count} of them become the module {name}; rename them")
        if unicodedata.normalize("NFKC", name) != name:
            raise GenerationError(
                f"{what}: the name {name} is not the same for every reader; write its letters plainly"
            )
