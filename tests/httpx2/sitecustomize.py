"""Makes `import httpx` give httpx2 in every process whose PYTHONPATH names this folder, as `make test-httpx2` has it.

Python imports a module of this name when it starts. httpx2 is not imported before somebody asks for httpx: tests hold what
a command imports, and pytest wants to see its plugins before they are imported.
"""

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType


class _Httpx2(MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname not in ("httpx", "httpcore"):
            return None
        import httpx2

        httpx2.alias_httpx()  # puts finders of its own before this one
        found = (finder.find_spec(fullname, path, target) for finder in sys.meta_path if finder is not self)
        return next(filter(None, found))


sys.meta_path.insert(0, _Httpx2())
