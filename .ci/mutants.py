"""Mutation testing, for `make mutants`: changes the code in small ways, and sees whether a test fails each time.

Cosmic-ray makes the mutants. Its own runner starts one pytest for each; this one starts one for all. It runs the tests
once, to see which of them come by which line. Then it forks for each mutant, exchanges the code of the function in the
child, and runs the tests that come by, the quickest first, until one fails. A mutant outside of functions, such as a
constant, is there before the child imports the package anew.

Exit code 1: a mutant survived, and tests/MUTATIONS.md does not explain it.
"""

import argparse
import ast
import collections
import gc
import hashlib
import itertools
import os
import pickle
import re
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import cache, partial
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType, FunctionType
from typing import IO

import pytest
from attrs import define, field, frozen
from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator, operator_names
from coverage import Coverage

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "overrides" / "channel_images"
EXPLAINED = ROOT / "tests" / "MUTATIONS.md"
RULES = [f"tests/conformance/test_rules_{name}.py" for name in ("faults", "filters", "healthy", "limits", "pending")]
TESTS = {
    "walks/*.py": ["tests/walks"],
    "calls/*.py": ["tests/calls", "tests/client/test_with_options.py"],
    "export/[rsw]*.py": ["tests/export"],  # reader, results, run, sinks, state, work: what checkpoints are made of
    "conformance/rules/pending.py": RULES,
    "conformance/rules/filters.py": RULES,
}
"""What is mutated, and the tests that run it in their own process."""

OPERATORS = re.compile(
    r"core/(AddNot|NumberReplacer|ZeroIterationForLoop|ReplaceTrueWithFalse|ReplaceFalseWithTrue"
    r"|ReplaceAndWithOr|ReplaceOrWithAnd|ReplaceBreakWithContinue|ReplaceContinueWithBreak"
    r"|ReplaceUnaryOperator_Delete_(Not|USub)"
    r"|ReplaceBinaryOperator_(Add_Sub|Sub_Add|Mul_Add|Div_Mul|FloorDiv_Mul|Mod_FloorDiv|Pow_Mul|BitOr_BitAnd"
    r"|BitAnd_BitOr|LShift_RShift|RShift_LShift)"
    r"|ReplaceComparisonOperator_(Eq_NotEq|NotEq_Eq|Lt_LtE|Lt_GtE|LtE_Lt|LtE_Gt|Gt_GtE|Gt_LtE|GtE_Gt|GtE_Lt"
    r"|Is_IsNot|IsNot_Is))"
)
"""One or two of the eleven operators that cosmic-ray puts in place of a `+`: a test that sees one mostly sees the others.
Without its ExceptionReplacer, which fails at a name with a dot."""
NO_OPERATION = {"parameters", "dictorsetmaker", "arglist", "argument"}
"""Where a star multiplies nothing."""

EXAMPLES = 25
"""The most examples of a property."""
LONGEST, ALL = 3, 60
"""Seconds of computing that a test may take, and all tests of a mutant together; the others are left out."""
COMPUTING, WAITING = 10, 120
"""A mutant has timed out after so many seconds of computing, or of waiting, in one test."""

KILLED, TIMED_OUT, SURVIVED = "killed", "timed out", "survived"
FAILED, BROKEN, OUTSIDE = 1, 76, 77
"""Exit codes of a child: a test failed, the child itself did, the mutant is outside of functions."""
OPTIONS = ["-q", "-n0", "-p", "no:cacheprovider", "--hypothesis-seed=0"]


@frozen
class Mutant:
    """One change to one file.

    Attributes:
        path: The file.
        function: The function or class that it is in; empty for none.
        operator: Cosmic-ray's name of the change.
        occurrence: Which of the places in the file where the operator works.
        lines: The lines of the statement that it changes, without those of the statements inside.
    """

    path: Path
    function: str
    operator: str
    occurrence: int
    lines: range

    @property
    def place(self) -> str:
        return f"| `{self.path.relative_to(PACKAGE)}` | `{self.function or 'module'}` |"

    @property
    def source(self) -> str:
        """The file after the change."""
        return str(mutate_code(source(self.path), get_operator(self.operator)(), self.occurrence))

    @property
    def row(self) -> str:
        """Its row in the table of survivors, but for the reason."""
        lines = zip(source(self.path).splitlines(), self.source.splitlines(), strict=False)
        before, after = next((old, new) for old, new in lines if old != new)
        before, after = (line.partition("  # ")[0].strip() for line in (before, after))
        start = in_common(before, after)
        end = in_common(before[start:][::-1], after[start:][::-1])
        old, new = (line[start : len(line) - end].strip() for line in (before, after))
        change = f"{before[:start]}⟦{old} → {new}⟧{before[len(before) - end :]}"
        change = change.replace("|", r"\|").replace("`", "'")
        return f"{self.place} `{change}` |"

    @property
    def code(self) -> CodeType:
        return compile(self.source, self.path, "exec")

    @property
    def exchanges(self) -> Mapping[tuple[str, int], CodeType]:
        """The code of the functions that it changes, by their names and first lines; empty if it changes other code."""
        exchanges = {}
        pairs = [(compile(source(self.path), self.path, "exec"), self.code)]
        for old, new in pairs:
            if old.co_flags & 0x2:  # CO_NEWLOCALS: a function, neither a module nor the body of a class
                if old != new:
                    exchanges[old.co_qualname, old.co_firstlineno] = new
            elif without_functions(old) != without_functions(new):
                return {}
            pairs += zip(functions_in(old), functions_in(new), strict=False)
        return exchanges


def in_common(one: str, other: str) -> int:
    """With how many characters both begin."""
    return len(list(itertools.takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False))))


@cache
def source(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def functions_in(code: CodeType) -> list[CodeType]:
    return [const for const in code.co_consts if isinstance(const, CodeType)]


def without_functions(code: CodeType) -> tuple[object, ...]:
    consts = tuple((type(const), const) for const in code.co_consts if not isinstance(const, CodeType))
    return code.co_code, code.co_names, consts


def mutants_of(path: Path) -> Iterator[Mutant]:
    """The mutants of a file, without those of annotations, which change nothing when they run.

    Nor those of `if x := y:`, of which cosmic-ray makes `if not x := y:`, which is no Python.
    """
    annotations: list[tuple[tuple[int, int], tuple[int, int]]] = []
    functions: dict[int, str] = {}
    statements: dict[int, range] = {}

    def look(node: ast.AST, name: str) -> None:
        for child in ast.iter_child_nodes(node):
            here = name
            if isinstance(child, ast.stmt):
                end = child.end_lineno or child.lineno
                inner = [each.lineno for each in ast.walk(child) if isinstance(each, ast.stmt) and each is not child]
                lines = range(child.lineno, min([*inner, end + 1]))
                statements.update(dict.fromkeys(range(child.lineno, end + 1), lines))
                if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                    here = f"{name}.{child.name}".lstrip(".")
                    functions.update(dict.fromkeys(range(child.lineno, end + 1), here))
            parts = (getattr(child, "annotation", None), getattr(child, "returns", None))
            annotations.extend(
                ((part.lineno, part.col_offset), (part.end_lineno, part.end_col_offset)) for part in parts if part
            )
            look(child, here)

    look(ast.parse(source(path)), "")
    nodes = list(ast_nodes(get_ast(source(path))))
    for operator in filter(OPERATORS.fullmatch, sorted(operator_names())):
        places = ((node, start) for node in nodes for start, _ in get_operator(operator)().mutation_positions(node))
        is_not = operator == "core/AddNot"
        for occurrence, (node, start) in enumerate(places):
            if is_not and node.children[1].type == "namedexpr_test":
                continue
            if node.parent.type not in NO_OPERATION and not any(first <= start < last for first, last in annotations):
                line = start[0]
                lines = statements.get(line, range(line, line + 1))
                yield Mutant(path, functions.get(line, ""), operator, occurrence, lines)


def forked(function: Callable[[], int]) -> int:
    """The id of a child that runs a function, and ends with the exit code that it returns."""
    if child := os.fork():
        return child
    try:
        os._exit(function())
    except BaseException:  # noqa: BLE001 - the child must not go on as its parent would
        os.write(2, traceback.format_exc().encode())
    finally:
        os._exit(BROKEN)


def outcome(status: int) -> str:
    """What became of a mutant, by how its child ended. Raises `RuntimeError`."""
    if os.WIFSIGNALED(status):
        return TIMED_OUT if os.WTERMSIG(status) in {signal.SIGALRM, signal.SIGPROF} else KILLED
    if os.WEXITSTATUS(status) == BROKEN:
        raise RuntimeError("a child failed: see above")
    return KILLED if os.WEXITSTATUS(status) else SURVIVED


def shorten(items: Sequence[pytest.Item]) -> None:
    """Give each property fewer examples, and do not let it look for the simplest one that fails."""
    from hypothesis import Phase, settings  # not before pytest, which would warn

    for item in items:
        for owner, name in (
            (getattr(item, "obj", None), "_hypothesis_internal_use_settings"),
            (getattr(item, "cls", None), "settings"),
        ):
            if isinstance(long := getattr(owner, name, None), settings):
                most = min(EXAMPLES, long.max_examples)
                setattr(owner, name, settings(long, max_examples=most, phases=[Phase.explicit, Phase.generate]))


@define(eq=False)  # pytest keeps plugins in sets
class Runner:
    """A plugin of pytest that runs mutants in place of the tests.

    Attributes:
        mutants: What to run.
        jobs: How many at a time.
        results: What became of each.
    """

    mutants: Sequence[Mutant]
    jobs: int
    results: dict[Mutant, str] = field(factory=dict)
    _seconds: dict[int, float] = field(factory=dict)  # of each test, by its number
    _passing: dict[tuple[str, int], set[int]] = field(factory=dict)  # the tests that come by a line of a file
    _failed: bool = False

    def pytest_collection_modifyitems(self, items: Sequence[pytest.Item]) -> None:
        shorten(items)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._failed = self._failed or report.failed

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        show = session.config.get_terminal_writer().line
        with tempfile.TemporaryFile() as file:
            if os.waitpid(forked(lambda: self._watch(session.items, file)), 0)[1]:
                pytest.exit("the tests have to pass before there are mutants", FAILED)
            file.seek(0)
            self._seconds, self._passing = pickle.load(file)  # noqa: S301 - our own child wrote it
        show(f"\n{len(self._seconds)} tests are short enough, of {len(session.items)}")
        functions: dict[str, list[FunctionType]] = collections.defaultdict(list)
        gc.unfreeze()  # as tests/conftest.py freezes; what is frozen is not listed
        for each in gc.get_objects():
            if isinstance(each, FunctionType):
                functions[each.__code__.co_filename].append(each)
        running: dict[int, Mutant] = {}
        waiting = list(reversed(self.mutants))
        while waiting or running:
            if waiting and len(running) < self.jobs:
                mutant = waiting.pop()
                tests = self._tests_of(session, mutant.path, mutant.lines)
                running[forked(partial(self._run, mutant, functions[str(mutant.path)], tests))] = mutant
                continue
            child, status = os.wait()
            mutant = running.pop(child)
            if os.WIFEXITED(status) and os.WEXITSTATUS(status) == OUTSIDE:
                tests = self._tests_of(session, mutant.path, range(len(source(mutant.path))))
                running[forked(partial(run_outside, mutant, [test.nodeid for test in tests]))] = mutant
                continue
            self.results[mutant] = outcome(status)
            if self.results[mutant] == SURVIVED:
                show(f"{mutant.row} line {mutant.lines[0]}")
        return True

    def _tests_of(self, session: pytest.Session, path: Path, lines: Collection[int]) -> Sequence[pytest.Item]:
        numbers = {number for line in lines for number in self._passing.get((str(path), line), ())}
        ordered = sorted(numbers, key=lambda number: self._seconds[number])
        together = itertools.accumulate(self._seconds[number] for number in ordered)
        return [session.items[number] for number, sum_ in zip(ordered, together, strict=True) if sum_ < ALL]

    def _watch(self, items: Sequence[pytest.Item], file: IO[bytes]) -> int:
        """Run all tests, and write what `_seconds` and `_passing` are to hold. In a child, so that nothing stays of it."""
        coverage = Coverage(
            data_file=None, config_file=False, include=sorted({str(each.path) for each in self.mutants})
        )
        coverage.start()
        for number, (item, following) in enumerate(itertools.zip_longest(items, items[1:])):
            coverage.switch_context(str(number))
            started = time.process_time()
            item.ihook.pytest_runtest_protocol(item=item, nextitem=following)
            if self._failed:
                os.write(2, f"\n{item.nodeid} fails without a mutant\n".encode())
                return FAILED
            if (took := time.process_time() - started) < LONGEST:
                self._seconds[number] = took
        coverage.stop()
        data = coverage.get_data()
        for path in data.measured_files():
            for line, contexts in data.contexts_by_lineno(path).items():
                self._passing[path, line] = self._seconds.keys() & {int(context) for context in contexts if context}
        pickle.dump((self._seconds, self._passing), file)
        file.flush()
        return 0

    def _run(self, mutant: Mutant, functions: Sequence[FunctionType], tests: Sequence[pytest.Item]) -> int:
        """Run tests against a mutant, in a child. Returns its exit code."""
        exchanges, reached = mutant.exchanges, False
        for function in functions:
            old = function.__code__
            if (new := exchanges.get((old.co_qualname, old.co_firstlineno))) and new.co_freevars == old.co_freevars:
                function.__code__, reached = new, True
        if not reached:
            return OUTSIDE
        if tests:
            tests[0].config.pluginmanager.unregister(name="terminalreporter")
        for test, following in itertools.zip_longest(tests, tests[1:]):
            signal.alarm(WAITING)
            signal.setitimer(signal.ITIMER_PROF, COMPUTING)
            test.ihook.pytest_runtest_protocol(item=test, nextitem=following)
            if self._failed:
                return FAILED
        return 0


def run_outside(mutant: Mutant, tests: Sequence[str]) -> int:
    """Run tests against a mutant that is there when its module is imported, in a child. Returns its exit code."""

    class Chosen:
        def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
            shorten(items)
            items[:] = sorted(
                (item for item in items if item.nodeid in tests), key=lambda item: tests.index(item.nodeid)
            )

    for name in list(sys.modules):
        if name.partition(".")[0] in {"channel_images", "tests"}:
            del sys.modules[name]
    sys.meta_path[:] = [finder for finder in sys.meta_path if not type(finder).__module__.startswith("_pytest")]
    get_code, code = SourceFileLoader.get_code, mutant.code

    def mutated(loader: SourceFileLoader, name: str) -> CodeType | None:
        return code if loader.path == str(mutant.path) else get_code(loader, name)

    SourceFileLoader.get_code = mutated  # type: ignore[method-assign, assignment] # typed as its base's
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    os.dup2(1, 2)
    signal.alarm(WAITING)
    signal.setitimer(signal.ITIMER_PROF, COMPUTING + ALL)
    return int(
        pytest.main(
            ["-x", "--assert=plain", *OPTIONS, *sorted({test.partition("::")[0] for test in tests})], plugins=[Chosen()]
        )
    )


def chosen(made: Sequence[Mutant], seed: str) -> list[int]:
    """The places of the mutants in an order of chance that depends on no other function: a change of the code leaves nearly
    all of a sample as it was."""
    places = collections.Counter[str]()
    keys = []
    for mutant in made:
        key = f"{seed} {mutant.place} {mutant.operator}"
        places[key] += 1
        keys.append(hashlib.sha256(f"{key} {places[key]}".encode()).digest())
    return sorted(range(len(made)), key=keys.__getitem__)


def main() -> int:
    """Run the mutants that the command line asks for. Returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--number", type=int, default=100, help="mutants in the sample; 0 for all [%(default)s]")
    parser.add_argument("--seed", default="0", help="which sample [%(default)s]")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="at a time [%(default)s]")
    parser.add_argument("files", nargs="*", help="files of the package, such as walks/plain.py [all that are mutated]")
    options = parser.parse_args()
    tests_of = {path: tests for pattern, tests in TESTS.items() for path in sorted(PACKAGE.glob(pattern))}
    paths = [PACKAGE / name for name in options.files] or list(tests_of)
    made = [mutant for path in paths for mutant in mutants_of(path)]
    number = min(options.number or len(made), len(made))
    sample = [made[index] for index in chosen(made, options.seed)[:number]]
    rows = re.findall(r"^\| `[^`]*` \| `[^`]*` \| `.*?` \|", EXPLAINED.read_text(encoding="utf-8"), re.MULTILINE)
    explained = {mutant for mutant in sample if any(row.startswith(mutant.place) and row == mutant.row for row in rows)}
    print(f"{number} of {len(made)} mutants, {len(explained)} of them explained in {EXPLAINED.relative_to(ROOT)}")
    runner = Runner([mutant for mutant in sample if mutant not in explained], options.jobs)
    if tests := sorted({test for mutant in runner.mutants for test in tests_of[mutant.path]}):
        code = pytest.main([*OPTIONS, *tests], plugins=[runner])
        if len(runner.results) < len(runner.mutants):
            return int(code) or 2
    for path in paths:
        of_file = [mutant for mutant in sample if mutant.path == path]
        counts = collections.Counter(runner.results.get(mutant, "explained") for mutant in of_file)
        if of_file:
            print(
                f"{path.relative_to(PACKAGE)}: {', '.join(f'{count} {what}' for what, count in sorted(counts.items()))}"
            )
    return int(SURVIVED in runner.results.values())


if __name__ == "__main__":
    os.chdir(ROOT)
    sys.exit(main())
