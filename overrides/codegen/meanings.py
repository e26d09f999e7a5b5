"""Says what a contract declares beyond schemas, and how it is called in the package: for filters.py and resource.py."""

from collections.abc import Iterable, Mapping
from typing import Any

from channel_images.resource import Operation, declared


def files(contract: Mapping[str, Any], project: Any) -> dict[str, dict[str, Any]]:
    """The files that the package has of it, each with the context of its template; none of a contract without `x-resource`.

    Args:
        contract: The document.
        project: What openapi-python-client makes of it.

    Raises:
        Undeclared: The contract contradicts itself.
    """
    if not any("x-resource" in schema for schema in contract.get("components", {}).get("schemas", {}).values()):
        return {}
    collections = project.openapi.endpoint_collections_by_tag.values()
    endpoints = {each.name: each for collection in collections for each in collection.endpoints}

    def endpoint_of(operation: Operation) -> Any:
        return endpoints[project.env.globals["python_identifier"](operation.id)]

    def class_of(operation: Operation) -> Any:
        responses = endpoint_of(operation).responses.patterns
        return next(each.prop.class_info for each in responses if each.status_code.range[0] == 200)

    def python_names(properties: Iterable[Any]) -> dict[str, str]:
        return {each.name.get_untrusted_value(): each.python_name for each in properties}

    resource = declared(contract)
    row = class_of(resource.operation(is_list=False))
    model = next(each for each in project.openapi.models if each.class_info == row)
    context = {
        "resource": resource,
        "row": row,
        "fields": python_names(model.required_properties + model.optional_properties),
        "endpoint_of": endpoint_of,
        "class_of": class_of,
        "python_names": python_names,
        "repr": repr,
    }
    return {"filters.py": context, "resource.py": context}
