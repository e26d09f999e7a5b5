"""The Python code for each kind of property, for the templates: its type, how it is decoded, and what it is on the wire."""

import re
from collections.abc import Callable
from typing import Any

from attrs import evolve, frozen
from subset import DICTIONARY


@frozen
class Kind:
    """Expressions of generated code for the values of a property.

    Attributes:
        annotation: The type.
        decoder: A function in types.py, or a call that makes one, which takes a JSON value other than null.
        classes: The modules and names of the classes of the contract in it.
        wire: The type in the rows of decoding.py: `Any` where the decoder takes what msgspec reads, `[Model]` for an
            array of models.
        as_it_came: Whether the value is its own JSON form.
        nullable: Whether it may be null.
        required: Whether it must be there, where it is a field.
        is_array: Whether it is an array.
    """

    annotation: str
    decoder: str
    wire: str = "Any"
    classes: frozenset[tuple[str, str]] = frozenset()
    as_it_came: bool = False
    nullable: bool = False
    required: bool = True
    is_array: bool = False

    @property
    def keeps_null(self) -> bool:
        """Whether a field keeps null. If it is not required it does, so that null costs no row; but an array stays one."""
        return self.nullable or not (self.required or self.is_array)

    @property
    def whole_decoder(self) -> str:
        """A decoder that takes null, too, where the value may be null."""
        return f"or_null({self.decoder})" if self.nullable and self.annotation != "Any" else self.decoder

    @property
    def is_date_time(self) -> bool:
        return self.wire == "str" and not self.as_it_came

    @property
    def is_text(self) -> bool:
        return self.wire == "str" and self.as_it_came

    @property
    def declared(self) -> str:
        return self.annotation if self.required else f"{self.annotation} | Unset"

    @property
    def options(self) -> str:
        """The arguments that `decode_field` and `Field` need where a field is not a usual one."""
        required = ", required=True" if self.required else ""
        return required if self.keeps_null else f"{required}, nullable=False"


_SCALARS = {
    "AnyProperty": Kind("Any", "decode_any", as_it_came=True, nullable=True),
    "BooleanProperty": Kind("bool", "decode_boolean", "bool", as_it_came=True),
    "DateProperty": Kind("datetime.date", "decode_date"),
    "DateTimeProperty": Kind("datetime.datetime", "decode_date_time", "str"),
    "FloatProperty": Kind("float", "decode_number", "int | float", as_it_came=True),
    "IntProperty": Kind("int", "decode_integer", "int", as_it_came=True),
    "StringProperty": Kind("str", "decode_string", "str", as_it_came=True),
    "UuidProperty": Kind("UUID", "decode_uuid"),
}


@frozen
class Model:
    """A model, as its template needs it: the kinds of its fields by their names in Python, and of its other fields."""

    kinds: dict[str, Kind]
    extra: Kind
    classes: frozenset[tuple[str, str]]


def model_of(prop: Any) -> Model:
    """What a property of openapi-python-client with a class of its own is made of."""
    fields = prop.required_properties + prop.optional_properties
    kinds = {each.python_name: evolve(_kind(each), required=each.required) for each in fields}
    extra = _kind(prop.additional_properties)
    return Model(kinds, extra, _classes(extra, *kinds.values()))


def _kind(prop: Any) -> Kind:
    match type(prop).__name__:
        case "UnionProperty":
            return _union(prop)
        case "EnumProperty":
            name = prop.class_info.name
            return Kind(name, f"enum_of({name})", name, _class(prop))
        case "ConstProperty":
            value = prop.value.raw_value
            return Kind(f"Literal[{value!r}]", f"constant({value!r})", as_it_came=True)
        case "ListProperty":
            item = _kind(prop.inner_property)
            wire = f"[{item.annotation}]" if is_class(prop.inner_property) else "Any"
            return Kind(f"list[{item.annotation}]", f"list_of({item.whole_decoder})", wire, item.classes, is_array=True)
        case "ModelProperty" if is_class(prop):
            name = prop.class_info.name
            return Kind(name, f"{name}.from_dict", classes=_class(prop))
        case "ModelProperty":
            extra = _kind(prop.additional_properties)
            return Kind(f"dict[str, {extra.annotation}]", f"map_of({extra.whole_decoder})", classes=extra.classes)
        case name:
            return _SCALARS[name]


def _union(prop: Any) -> Kind:
    kinds = [_kind(each) for each in prop.inner_properties if type(each).__name__ != "NoneProperty"]
    nullable = len(kinds) < len(prop.inner_properties)
    annotations = {each for kind in kinds for each in kind.annotation.split(" | ")} | ({"None"} if nullable else set())
    annotation = "Any" if "Any" in annotations else " | ".join(sorted(annotations, key=str.lower))
    if len(kinds) > 1:
        decoders = ", ".join(kind.whole_decoder for kind in kinds)
        return Kind(annotation, f"first_of({decoders})", classes=_classes(*kinds))
    kind = kinds[0]
    return evolve(kind, annotation=annotation, nullable=True) if nullable else kind


def _class(prop: Any) -> frozenset[tuple[str, str]]:
    return frozenset({(prop.class_info.module_name, prop.class_info.name)})


def _classes(*kinds: Kind) -> frozenset[tuple[str, str]]:
    return frozenset(each for kind in kinds for each in kind.classes)


def is_class(prop: Any) -> bool:
    """Whether the property is an object with a class of its own, rather than a dictionary."""
    return type(prop).__name__ == "ModelProperty" and DICTIONARY not in prop.data.model_extra


@frozen
class Parameter:
    """A parameter of an operation.

    Attributes:
        name: Its name in the contract.
        python_name: Its name in Python.
        description: The contract's own words.
        annotation: Its type: an iterable for an array; of an enum also the plain value.
        default: What is written behind the type where it need not be given; else empty.
        is_array: Whether it is one.
        exploded: Whether each value of an array goes out in a parameter of its own.
    """

    name: str
    python_name: str
    description: str
    annotation: str
    default: str
    is_array: bool
    exploded: bool


@frozen
class Operation:
    """An operation, as the templates need it."""

    path: str  # an expression
    in_path: list[Parameter]
    in_query: list[Parameter]
    classes: frozenset[tuple[str, str]]
    parsed: str  # the type of all its bodies

    @property
    def parameters(self) -> list[Parameter]:
        return self.in_path + self.in_query


def operations(contract: dict[str, Any]) -> Callable[[Any], Operation]:
    """A function from an endpoint of openapi-python-client, which knows no styles, to what the contract says of it."""
    declared = {
        (method, _PLACEHOLDER.sub("{}", path)): operation["parameters"]
        for path, item in contract["paths"].items()
        for method, operation in item.items()
    }

    def operation_of(endpoint: Any) -> Operation:
        path = endpoint.path.get_untrusted_value()
        by_name = {(each["in"], each["name"]): each for each in declared[endpoint.method, _PLACEHOLDER.sub("{}", path)]}

        def parameters(place: str, props: list[Any]) -> list[Parameter]:
            return [_parameter(prop, by_name[place, prop.name.get_untrusted_value()]) for prop in props]

        props = endpoint.path_parameters + endpoint.query_parameters
        kinds = [_kind(prop) for prop in props] + [_kind(each.prop) for each in endpoint.responses.patterns]
        parsed = {name for each in endpoint.responses.patterns for name in _kind(each.prop).annotation.split(" | ")}
        return Operation(
            path=f'f"{_PLACEHOLDER.sub(_segment, path)}"' if "{" in path else f'"{path}"',
            in_path=parameters("path", endpoint.path_parameters),
            in_query=parameters("query", endpoint.query_parameters),
            classes=_classes(*kinds),
            parsed="Any" if "Any" in parsed else " | ".join(sorted(parsed)),
        )

    return operation_of


_PLACEHOLDER = re.compile(r"\{([^}]*)\}")


def _segment(match: re.Match[str]) -> str:
    return f"{{encode_segment({match[1]})}}"


def _parameter(prop: Any, declared: dict[str, Any]) -> Parameter:
    array = type(prop).__name__ == "ListProperty"
    item = prop.inner_property if array else prop
    annotation = _kind(item).annotation
    if type(item).__name__ == "EnumProperty":
        annotation += f" | {item.value_type.__name__}"
    if array:
        annotation = f"Iterable[{annotation}]"
    return Parameter(
        name=prop.name.get_untrusted_value(),
        python_name=prop.python_name,
        description=declared.get("description", ""),
        annotation=annotation if prop.required else f"{annotation} | Unset",
        default="" if prop.required else " = UNSET",
        is_array=array,
        exploded=array and declared.get("explode", True),
    )


def body_decoder(prop: Any) -> str:
    """An expression for a function that decodes the bytes of a body."""
    kind = _kind(prop)
    if is_class(prop):
        return f"{kind.annotation}.from_json"
    if kind.wire.startswith("["):
        return f"{kind.wire[1:-1]}.list_from_json"
    return f"from_json({kind.whole_decoder})"


def literal(text: Any) -> str:
    """A string as Python writes it. The generator's own way loses characters that are not printable."""
    return repr(text.get_untrusted_value() if hasattr(text, "get_untrusted_value") else text)


def closable(text: str) -> str:
    """What a docstring holds, so that three quotes can follow."""
    return f"{text}\n    " if text.endswith('"') else text
