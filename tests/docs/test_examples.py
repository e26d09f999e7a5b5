"""The examples of README.md and of docs/: each runs in a test, and prints what the page says."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.mock.test_pytest_plugin import OTHERS

from channel_images.cli import main
from channel_images.conformance.catalogue import RULES
from channel_images.mock import MockServer

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
TEXT = README.read_text(encoding="utf-8")
BIN = Path(sys.executable).parent
BLOCK = re.compile(r"^```(?P<language>\S*)\n(?P<body>.*?)^```$", re.DOTALL | re.MULTILINE)
EXAMPLE = re.compile(r"^\$ (?P<command>.+)\n(?P<output>(?:(?!```|\$ ).*\n)*)", re.MULTILINE)
SECONDS = re.compile(r"\d+\.\d s\b")
PAGES = sorted(
    path.relative_to(ROOT).as_posix()
    for pattern in ("*.md", "docs/*.md", "docs/design/*.md", "examples/*/*.md")
    for path in ROOT.glob(pattern)
)

NOT_RUN = {
    "pip": "needs the package index; tests/package/test_distribution.py builds and installs the wheel",
    "make": "verifies and tests the repository itself, which .ci/run does",
}
# By page and language: the test that runs these blocks, or why none does.
RUN_BY = {
    ("README.md", "console"): "tests/docs/test_examples.py",
    ("README.md", "python"): "tests/docs/test_examples.py",
    ("docs/cli.md", "console"): "tests/cli/test_cli_guide.py",
    ("docs/cli.md", "sh"): "only sets variables",
    ("docs/conformance.md", "console"): "tests/docs/test_examples.py",
    ("docs/conformance.md", "python"): "tests/conformance/test_guide.py",
    ("docs/contract.md", "sh"): "tests/second_resource runs each of these commands",
    ("docs/export.md", "console"): "tests/export/test_guide.py",
    ("docs/export.md", "python"): "tests/export/test_guide.py",
    ("docs/export.md", "sh"): "tests/second_resource/test_export.py",
    ("docs/migrating.md", "python"): "tests/client/test_docs.py",
    ("docs/migrating.md", "sh"): "tests/channel_app/test_kill.py",
    ("docs/mock.md", "console"): "tests/docs/test_examples.py",
    ("docs/mock.md", "python"): "tests/cli/test_mock.py",
    ("docs/mock.md", "sh"): "tests/cli/test_mock.py",
    ("docs/policy.md", "console"): "needs a package index",
    ("docs/scale.md", "console"): "sets a variable and writes to /etc",
    ("docs/scale.md", "python"): "tests/spark/test_local.py",
    ("docs/scale.md", "sh"): "only sets a variable",
    ("docs/sdk.md", "console"): "tests/cli/test_mock.py",
    ("docs/sdk.md", "python"): "tests/client/test_docs.py",
    ("docs/testing.md", "python"): "tests/mock/test_pytest_plugin.py",
    ("examples/connector/README.md", "console"): "examples/connector/test_kill.py",
}
NOT_CODE = {"", "text", "yaml", "{toctree}", "{only}", "{eval-rst}"}


def test_each_block_is_run() -> None:
    blocks = {(page, block["language"]) for page in PAGES for block in BLOCK.finditer((ROOT / page).read_text("utf-8"))}
    assert {block for block in blocks if block[1] not in NOT_CODE} == RUN_BY.keys()
    for test in RUN_BY.values():
        assert not test.endswith(".py") or (ROOT / test).is_file(), test


class Reader:
    """Somebody who types the commands of a page, in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("CHANNEL_IMAGES_")}
        self._environment = inherited | {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
        self._servers: list[subprocess.Popen[str]] = []
        self._places: dict[str, str] = {}

    def type(self, command: str) -> str:
        """What a command prints, with the addresses that the page has."""
        if command.startswith("export "):
            self._environment |= dict(setting.split("=", 1) for setting in self._there(command).split()[1:])
            return ""
        if command.startswith("channel-images mock"):
            return self._start(command)
        done = subprocess.run(
            ["sh", "-c", self._there(command)],
            cwd=self._folder,
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        printed = done.stdout
        assert printed, done.stderr
        for written, real in self._places.items():
            printed = printed.replace(real, written)
        return printed

    def _start(self, command: str) -> str:
        self.leave()
        scheme = "https" if "--tls" in command else "http"
        written = f"{scheme}://127.0.0.1:{(re.findall(r'--port ([0-9]+)', command) or ['8000'])[0]}"
        words = re.sub(r" --port \d+", "", command).split()
        server = subprocess.Popen(
            [str(BIN / words[0]), *words[1:], "--port", "0"],
            cwd=self._folder,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._servers.append(server)
        assert server.stdout is not None
        printed = ""
        while not printed.endswith("Ctrl-C ends it.\n"):
            line = server.stdout.readline()
            assert line, printed
            printed += line
        self._places[written] = printed.split()[1]
        return printed.replace(self._places[written], written)

    def _there(self, text: str) -> str:
        for written, real in self._places.items():
            text = text.replace(written, real)
        return text

    def write(self, code: str) -> None:
        """Save a program under the name that its first line gives."""
        name = code.partition("\n")[0].removeprefix("# ")
        (self._folder / name).write_text(self._there(code), encoding="utf-8")

    def leave(self) -> None:
        """End the servers that were started."""
        while self._servers:
            server = self._servers.pop()
            server.terminate()
            server.communicate(timeout=20)


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    reader = Reader(tmp_path)
    yield reader
    reader.leave()


def test_the_readme_is_true(reader: Reader) -> None:
    # To write its output anew: UPDATE_GUIDE=1 pytest tests/docs/test_examples.py
    def current(block: re.Match[str]) -> str:
        language, body = block["language"], block["body"]
        if language == "python":
            reader.write(body)
            return block[0]
        return f"```console\n{EXAMPLE.sub(answer, body)}```"

    def answer(example: re.Match[str]) -> str:
        if example["command"].split()[0] in NOT_RUN:
            return example[0]
        printed = reader.type(example["command"])
        # How long a run takes differs from run to run.
        same = SECONDS.sub("", printed) == SECONDS.sub("", example["output"])
        return example[0] if same else f"$ {example['command']}\n{printed}"

    text = BLOCK.sub(current, TEXT)
    if os.environ.get("UPDATE_GUIDE"):
        README.write_text(text, encoding="utf-8")
    assert README.read_text(encoding="utf-8") == text


def test_the_readme_counts_the_rules() -> None:
    assert f"which of {len(RULES)} [rules]" in TEXT


def commands(page: str) -> list[tuple[str, str]]:
    """Each command of a page, with what it prints."""
    text = (ROOT / page).read_text("utf-8")
    return [
        found
        for block in BLOCK.finditer(text)
        if block["language"] == "console"
        for found in EXAMPLE.findall(block["body"])
    ]


def test_the_commands_of_the_mocks_guide_work(reader: Reader) -> None:
    for command, output in commands("docs/mock.md"):
        if command.startswith("channel-images export"):
            reader.type("channel-images mock")
            reader.type("export CHANNEL_IMAGES_URL=http://127.0.0.1:8000 CHANNEL_IMAGES_TOKEN=mock-token")
        printed = reader.type(f"{command} 2>&1" if "export" in command else command).replace("\r\n", "\n")
        # The lines of the log come with later requests.
        shown = "\n".join(re.escape(line) for line in output.splitlines() if not line.startswith("18:07:37"))
        assert re.match(shown.replace(re.escape("..."), "(?s:.*)").replace("…", r"\S*"), printed), (command, printed)


@pytest.mark.filterwarnings("ignore")  # of httpx, that the token travels in plain text, and the like
def test_the_commands_of_the_checks_guide_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (ROOT / "docs/conformance.md").read_text("utf-8")
    for name, content in re.findall(r"```yaml\n# (\w+\.yaml)\n(.*?)```", text, re.DOTALL):
        (tmp_path / name).write_text(content, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    with MockServer(images=60, bugs=["count-one-short"]) as server:
        monkeypatch.setenv("CHANNEL_IMAGES_TOKEN", server.token)
        monkeypatch.setenv("CHANNEL_IMAGES_OTHER_TOKEN", server.other_token)
        # Two rules are enough: what the others do is not the point.
        without = [option for name in OTHERS for option in ("-p", f"no:{name}")]
        rules = ["--rule", "paging.count", "--rule", "filter.partition"]
        recording = ["check", server.url, "--channel", "5", *rules, "--har", "session.har"]
        assert run(monkeypatch, recording) == 1
        for command, _ in commands("docs/conformance.md"):
            words = command.replace("https://staging.example.com", server.url).split()
            if words[:2] == ["channel-images", "check"]:
                assert run(monkeypatch, [*words[1:], *rules]) in {0, 1}, command
            elif words[0] == "pytest":
                done = subprocess.run(
                    [sys.executable, "-m", *words, "-q", "-k", "paging.count", *without],
                    check=False,
                    capture_output=True,
                    text=True,
                )
                assert "1 failed" in done.stdout or "2 failed" in done.stdout, done.stdout
            elif "report/replay.sh" in words:
                if all(map(shutil.which, ("curl", "jq"))):
                    assert (
                        subprocess.run(["bash", "report/replay.sh"], check=False, capture_output=True).returncode == 1
                    )
            else:
                assert words[0] == "export", command
            if (tmp_path / "report").is_dir() and not (tmp_path / "yesterday").exists():
                shutil.copytree(tmp_path / "report", tmp_path / "yesterday")


def run(monkeypatch: pytest.MonkeyPatch, words: list[str]) -> int:
    """The exit code of the command line, in this process."""
    monkeypatch.setattr(sys, "argv", ["channel-images", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    assert isinstance(ended.value.code, int)
    return ended.value.code
