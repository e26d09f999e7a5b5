"""Lets a command work by another contract than the package's own."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from channel_images.cli.errors import fail

ContractOption = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Use the contract of another API. docs/contract.md says what it must declare."),
]


def use(path: Path, read: Callable[[], object] = lambda: None) -> None:
    """Work by the contract in a file, from the beginning. Ends the command if it is none that can be used.

    `read` reads all of it that the command will need, so that what is wrong with it shows at once.
    """
    from channel_images.contract import NoYaml, load_contract, use_contract
    from channel_images.resource import Undeclared, resource

    use_contract(path)
    try:
        info = load_contract()["info"]
        if not all(isinstance(info[name], str) for name in ("title", "version")):
            raise ValueError("its info has a title and a version, both texts")
        resource()
        read()
    except OSError as error:
        fail(f"{path} cannot be read: {error.strerror}")
    except UnicodeDecodeError:
        fail(f"{path} is not UTF-8")
    except NoYaml as error:
        fail(f"{path}, {error}")
    except Undeclared as error:
        fail(f"{path}: {error}")
    except KeyError as error:
        fail(f"{path} is not an OpenAPI document of this kind: it lacks {error}")
    except (AttributeError, IndexError, TypeError):
        fail(f"{path} is not an OpenAPI document of this kind: a part of it has another type than OpenAPI says")
    except (RecursionError, ValueError) as error:
        fail(f"{path} is not an OpenAPI document of this kind: {error}")
