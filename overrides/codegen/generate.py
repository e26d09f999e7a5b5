"""Write the Python package of a contract: generated/channel_images_api from openapi.yaml, or others.

    python overrides/codegen/generate.py            replace the package
    python overrides/codegen/generate.py --check    change nothing; exit 1 and name each file that would change

Exit 2: the package could not be generated. Then nothing was changed.
"""

import argparse
import contextlib
import importlib.metadata
import io
import keyword
import os
import re
import sys
import sysconfig
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

from subset import GenerationError, rewrite

ROOT = Path(__file__).resolve().parents[2]
CODEGEN = ROOT / "overrides" / "codegen"
CONTRACT = ROOT / "openapi.yaml"
PACKAGE = ROOT / "generated" / "channel_images_api"

# Both decide bytes that are committed; pyproject.toml pins them.
PINNED = ("openapi-python-client", "ruff")

MARK = "# Generated from "
BANNER = MARK + "{source} by {command}, which overwrites every change. Do not edit."


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="change nothing; name each file that would change")
    parser.add_argument("--contract", type=Path, default=CONTRACT, help="the contract (default: openapi.yaml)")
    parser.add_argument(
        "--package",
        type=Path,
        default=PACKAGE,
        help="the folder of the package, named as it is imported (default: generated/channel_images_api)",
    )
    options = parser.parse_args()
    try:
        require_pinned_tools()
        package = importable(options.package.absolute())
        if options.check:
            return report_drift(options.contract, package)
        replace(options.contract, package)
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


def importable(package: Path) -> Path:
    """The folder, if a package can be written there without the loss of anything else."""
    if not package.name.isidentifier() or keyword.iskeyword(package.name):
        raise GenerationError(f"{package}: no package can be imported as {package.name!r}; name another folder")
    if package.exists() and any(package.iterdir()):
        first = package / "__init__.py"
        if not (first.exists() and first.read_bytes().startswith(MARK.encode())):
            raise GenerationError(f"{package}: it holds something that was not generated; name another folder")
    return package


def report_drift(contract: Path, package: Path) -> int:
    with tempfile.TemporaryDirectory() as folder:
        fresh = package_files(generate(contract, Path(folder) / package.name))
    committed = package_files(package)
    drift = [
        f"{shown(package / name)}: {state}"
        for name in sorted(fresh.keys() | committed.keys())
        if (state := compare(fresh.get(name), committed.get(name)))
    ]
    if not drift:
        sys.stdout.write(f"{shown(package)}: up to date\n")
        return 0
    sys.stderr.write("\n".join([*drift, f"run {command(package)}\n"]))
    return 1


def command(package: Path) -> str:
    """What writes the package."""
    return "`make generate`" if package.name == PACKAGE.name else "overrides/codegen/generate.py"


def shown(path: Path) -> str:
    return (path.relative_to(ROOT) if path.is_relative_to(ROOT) else path).as_posix()


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


def replace(contract: Path, package: Path) -> None:
    # Near the target, so that the swap is two renames: no reader meets half a package, and no stale file stays.
    near = next(parent for parent in package.parents if parent.exists())
    with tempfile.TemporaryDirectory(dir=near, prefix=".generate-") as folder:
        fresh = generate(contract, Path(folder) / package.name)
        package.parent.mkdir(parents=True, exist_ok=True)
        if package.exists():
            package.rename(Path(folder) / "replaced")
        fresh.rename(package)


def generate(contract: Path, package: Path) -> Path:
    """Generate the package of a contract into a folder that does not exist yet."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        document = YAML(typ="safe").load(contract)
    except (YAMLError, UnicodeDecodeError) as error:
        raise GenerationError(describe(type(error).__name__, str(error))) from error
    banner = BANNER.format(source=contract.name, command=command(package))
    return render(document, package, banner=banner, formatted=True)


def render(contract: Any, package: Path, *, banner: str, formatted: bool) -> Path:
    """Write the package of a contract into a folder that does not exist yet.

    Args:
        contract: The document; it is left as it is.
        package: The folder; its last part is the name of the package.
        banner: The first line of each file.
        formatted: Whether ruff sorts the imports, drops those that are not used, and formats. It takes most of the time.

    Raises:
        GenerationError: The templates do not cover the contract, or a tool failed.
    """
    # Not at the top: a missing or other version must end in one line, not in a traceback.
    import expressions
    import meanings
    import names
    from jinja2 import TemplateError
    from openapi_python_client import Project
    from openapi_python_client.config import Config, ConfigFile, MetaType
    from openapi_python_client.parser import GeneratorData
    from openapi_python_client.parser.errors import GeneratorError

    try:
        plain = rewrite(contract)
        settings = ConfigFile.load_from_path(CODEGEN / "generator.yaml")
        settings.package_name_override = package.name
        if not formatted:
            settings.post_hooks = []
        config = Config.from_sources(
            settings,
            MetaType.NONE,
            document_source=package,  # not read
            file_encoding="utf-8",
            overwrite=True,  # of a package that holds decoding.py alone
            output_path=package,
        )
        names.prepare()
        data = GeneratorData.from_dict(plain, config=config)
        if isinstance(data, GeneratorError):
            raise GenerationError(describe(data.header, data.detail))
        for error in data.errors:
            raise GenerationError(describe(error.header, error.detail))
        data.models = [*filter(expressions.is_class, data.models)]
        names.settle(data)
        project = Project(openapi=data, config=config, custom_template_path=CODEGEN / "templates")
        # What the templates need and the generator's own context lacks: the contract, and a way to refuse.
        project.env.globals.update(contract=contract, fail=fail, banner=banner)
        project.env.globals.update(model_of=expressions.model_of, operation_of=expressions.operations(plain))
        project.env.globals.update(body_decoder=expressions.body_decoder)
        project.env.filters.update(literal=expressions.literal, closable=expressions.closable)
        package.mkdir(parents=True)
        # The generator knows no such files. They are there when the hooks format the package.
        for name, context in {"decoding.py": {}, **meanings.files(contract, project)}.items():
            (package / name).write_text(project.env.get_template(f"{name}.jinja").render(context), encoding="utf-8")
        with pinned_tools_first_on_path(), contextlib.redirect_stdout(io.StringIO()):
            problems = project.build()  # warnings too: they mean that a part of the contract was left out
        if problems:
            raise GenerationError(" | ".join(describe(problem.header, problem.detail) for problem in problems))
    except (TemplateError, ValueError, TypeError, AttributeError, KeyError, RecursionError) as error:
        raise GenerationError(describe(type(error).__name__, str(error))) from error
    (package / "py.typed").touch()
    return package


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
    # What else the generator leaves out for the same reason is of no use to anyone.
    detail = (detail or "no detail").partition("Failure to process schema")[0]
    line = " ".join(f"{header}: {detail}".split())
    line = re.sub(r"^Unable to (?:process|parse) schema /components/schemas/([^:]+):+", r"schema \1:", line)
    # The one thing that can be wrong there, once `rewrite` has taken the contract.
    return re.sub(
        r"Invalid property in union <.*>", "two classes in it would have the same name; give one a title", line
    )


if __name__ == "__main__":
    sys.exit(main())
