"""Write generated/channel_images_api from openapi.yaml.

    python overrides/codegen/generate.py            replace the package
    python overrides/codegen/generate.py --check    change nothing; exit 1 and name each file that would change

Exit 2: the package could not be generated.
"""

import argparse
import contextlib
import importlib.metadata
import io
import os
import sys
import sysconfig
import tempfile
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from channel_images.resource import Operation, declared

if TYPE_CHECKING:
    from openapi_python_client import Project

ROOT = Path(__file__).resolve().parents[2]
CODEGEN = ROOT / "overrides" / "codegen"
TARGET = ROOT / "generated" / "channel_images_api"

# Both decide bytes that are committed; pyproject.toml pins them.
PINNED = ("openapi-python-client", "ruff")


class GenerationError(Exception):
    """The package cannot be generated; the message says why, in one line."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="change nothing; name each file that would change")
    check: bool = parser.parse_args().check
    try:
        require_pinned_tools()
        if check:
            return report_drift()
        rewrite()
    except (GenerationError, OSError) as error:
        sys.stderr.write(f"generate: {error}\n")
        return 2
    return 0


def require_pinned_tools() -> None:
    """Another version would write other bytes, and the templates are written against one version's context."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    pins = dict(line.split("==") for line in project["optional-dependencies"]["dev"] if "==" in line)
    for name in PINNED:
        try:
            found = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found = "not installed"
        if found != pins[name]:
            raise GenerationError(f"{name} {pins[name]} is needed, found: {found} (install the extra `dev`)")


def report_drift() -> int:
    with tempfile.TemporaryDirectory() as folder:
        fresh = package_files(generate(Path(folder) / TARGET.name))
    committed = package_files(TARGET)
    drift = [
        f"{(TARGET / name).relative_to(ROOT).as_posix()}: {state}"
        for name in sorted(fresh.keys() | committed.keys())
        if (state := compare(fresh.get(name), committed.get(name)))
    ]
    if not drift:
        sys.stdout.write(f"{TARGET.relative_to(ROOT).as_posix()}: up to date\n")
        return 0
    sys.stderr.write("\n".join([*drift, "run `make generate`\n"]))
    return 1


def compare(fresh: bytes | None, committed: bytes | None) -> str | None:
    if committed is None:
        return "missing"
    if fresh is None:
        return "stale"
    return None if fresh == committed else "changed"


def package_files(package: Path) -> dict[str, bytes]:
    """The content of every file of the package by its path in it; what the interpreter caches there does not count."""
    return {
        path.relative_to(package).as_posix(): path.read_bytes()
        for path in package.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def rewrite() -> None:
    TARGET.parent.mkdir(exist_ok=True)
    # Beside the target, so that the swap is two renames: no reader meets half a package, and no stale file stays.
    with tempfile.TemporaryDirectory(dir=TARGET.parent, prefix=".generate-") as folder:
        fresh = generate(Path(folder) / TARGET.name)
        if TARGET.exists():
            TARGET.rename(Path(folder) / "replaced")
        fresh.rename(TARGET)


def generate(package: Path) -> Path:
    """Generate the package into a folder that does not exist yet."""
    # Not at the top: a missing or other version must end in one line, not in a traceback.
    from jinja2 import TemplateError
    from openapi_python_client import Project
    from openapi_python_client.config import Config, ConfigFile, MetaType
    from openapi_python_client.parser import GeneratorData
    from openapi_python_client.parser.errors import GeneratorError
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        config = Config.from_sources(
            ConfigFile.load_from_path(CODEGEN / "generator.yaml"),
            MetaType.NONE,
            document_source=ROOT / "openapi.yaml",
            file_encoding="utf-8",
            overwrite=True,  # of a package that holds decoding.py alone
            output_path=package,
        )
        contract = YAML(typ="safe").load(ROOT / "openapi.yaml")
        data = GeneratorData.from_dict(contract, config=config)
        if isinstance(data, GeneratorError):
            raise GenerationError(describe(data.header, data.detail))
        project = Project(openapi=data, config=config, custom_template_path=CODEGEN / "templates")
        # What the templates need and the generator's own context lacks: the contract, and a way to refuse.
        project.env.globals.update(contract=contract, fail=fail)
        package.mkdir(parents=True)
        # The generator knows no such files. They are there when the hooks format the package.
        files: dict[str, dict[str, Any]] = {"decoding.py": {}}
        if any("x-resource" in schema for schema in contract["components"]["schemas"].values()):
            files |= dict.fromkeys(("filters.py", "resource.py"), meanings(contract, project))
        for name, context in files.items():
            (package / name).write_text(project.env.get_template(f"{name}.jinja").render(context), encoding="utf-8")
        with pinned_tools_first_on_path(), contextlib.redirect_stdout(io.StringIO()):
            problems = project.build()  # warnings too: they mean that a part of the contract was left out
        if problems:
            raise GenerationError(" | ".join(describe(problem.header, problem.detail) for problem in problems))
    except (TemplateError, YAMLError, ValueError, TypeError, AttributeError) as error:
        raise GenerationError(describe(type(error).__name__, str(error))) from error
    (package / "py.typed").touch()
    return package


def meanings(contract: Mapping[str, Any], project: "Project") -> dict[str, Any]:
    """What the contract declares beyond schemas, and how it is called in the package: for filters.py and resource.py."""
    collections = project.openapi.endpoint_collections_by_tag.values()
    endpoints = {each.name: each for collection in collections for each in collection.endpoints}

    name_of: Any = project.env.globals["python_identifier"]

    def endpoint_of(operation: Operation) -> Any:
        return endpoints[name_of(operation.id)]

    def model_of(operation: Operation) -> Any:
        responses = endpoint_of(operation).responses.patterns
        return next(each.prop.class_info for each in responses if each.status_code.range[0] == 200)

    def python_names(properties: Iterable[Any]) -> dict[str, str]:
        return {each.name.get_untrusted_value(): each.python_name for each in properties}

    return {
        "resource": declared(contract),
        "endpoint_of": endpoint_of,
        "model_of": model_of,
        "python_names": python_names,
        "repr": repr,
    }


def fail(reason: str) -> NoReturn:
    """For the templates: they cover what the contract needs, and must not write wrong code for anything else."""
    raise GenerationError(reason)


@contextlib.contextmanager
def pinned_tools_first_on_path() -> Iterator[None]:
    before = os.environ.get("PATH", "")
    os.environ["PATH"] = os.pathsep.join([sysconfig.get_path("scripts"), before])
    try:
        yield
    finally:
        os.environ["PATH"] = before


def describe(header: str, detail: str | None) -> str:
    return " ".join(f"{header}: {detail or 'no detail'}".split())


if __name__ == "__main__":
    sys.exit(main())
