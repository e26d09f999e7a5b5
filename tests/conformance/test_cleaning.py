"""What a server sends back of a secret is in no view of a report, in no message, and in no error."""

import base64
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.conformance.test_standing import IMAGE, serving

from channel_images.cli.errors import say
from channel_images.conformance import Options, Report, Target, check
from channel_images.conformance.report import render_github, render_text, write_report
from channel_images.conformance.report.text import visible

TOKEN, KEY, PASSWORD = "t0ken-of-a-shop/+x", "k3y-of-a-gateway", "p4ss w0rd"
OTHER_TOKEN, OTHER_PASSWORD = "t0ken-of-another/+y", "an0ther w0rd"
SECRETS = (TOKEN, KEY, PASSWORD, OTHER_TOKEN, OTHER_PASSWORD)
SPELLED: dict[str, Callable[[str], str]] = {
    "plain": str,
    "json": lambda text: json.dumps(text)[1:-1],
    "escaped": lambda text: "".join(f"\\u{ord(letter):04x}" for letter in text),
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "upper": str.upper,
}


def judged(body: bytes, status: int = 200, content_type: str = "application/json") -> Report:
    with serving(lambda _: (status, content_type, body)) as url:
        target = Target(
            url,
            5,
            token=TOKEN,
            other_token=OTHER_TOKEN,
            password=PASSWORD,
            other_password=OTHER_PASSWORD,
            headers={"X-Gateway-Key": KEY},
        )
        return check(target, Options(quick=True))


@pytest.mark.parametrize("spelled", SPELLED)
@pytest.mark.parametrize(
    ("status", "content_type", "template"),
    [
        (200, "application/json", '{{"count": "{0}", "results": [{{"pk": 1, "status": {1}, "order": "{0}"}}]}}'),
        (200, "text/html", "<title>{0}</title>"),
        (200, "application/json", '{{"{0}": 1}}'),
        (500, "text/html", "Traceback (most recent call last):\n {0}"),
        (200, "{0}", "[]"),
    ],
    ids=["rows", "page", "other json", "traceback", "content type"],
)
def test_an_echo_is_in_no_view(spelled: str, status: int, content_type: str, template: str, tmp_path: Path) -> None:
    echo = " ".join(map(SPELLED[spelled], SECRETS))
    report = judged(template.format(echo, json.dumps(echo)).encode(), status, content_type.format(echo))
    write_report(report, tmp_path)
    texts = [file.read_text() for file in tmp_path.iterdir()]
    texts += [render_text(report, 200, 1_000, ""), render_github(report), report.not_judged]
    for secret in SECRETS:
        for text in texts:
            assert secret.lower() not in text.lower()
            assert SPELLED[spelled](secret).strip("=") not in text


def test_a_sign_in_that_is_answered_with_the_password_shows_none() -> None:
    answer = json.dumps({"non_field_errors": [PASSWORD]}).encode()
    with serving(lambda _: (200, "application/json", answer)) as url:
        done = subprocess.run(
            [sys.executable, "-m", "channel_images.cli", "check", url, "--channel", "5", "--username", "bot"],
            env={"CHANNEL_IMAGES_PASSWORD": PASSWORD},
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 2
    assert PASSWORD not in done.stdout + done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("user", ["", "other-"])
def test_a_password_that_is_sent_back_later_is_in_no_recording(user: str, tmp_path: Path) -> None:
    def answer(path: str) -> tuple[int, str, bytes]:
        told = {"key": "tok-1"} if "login" in path else {"detail": f"signed in with {PASSWORD}"}
        return 200, "application/json", json.dumps(told).encode()

    with serving(answer) as url:
        done = subprocess.run(
            [
                *(sys.executable, "-m", "channel_images.cli", "check", url, "--channel", "5", "--quick"),
                *(f"--{user}username", "bot", "--report", str(tmp_path), "--har", str(tmp_path / "run.har")),
            ],
            env={f"CHANNEL_IMAGES_{user.upper().replace('-', '_')}PASSWORD": PASSWORD},
            capture_output=True,
            text=True,
            check=False,
        )
    texts = {file.name: file.read_text() for file in tmp_path.iterdir()}
    assert {"report.json", "run.har"} <= texts.keys(), done.stderr
    assert "signed in with" in texts["run.har"]
    assert [name for name, text in texts.items() if PASSWORD in text] == []
    assert PASSWORD not in done.stdout + done.stderr


def test_nothing_that_is_shown_is_a_command_to_a_ci_log() -> None:
    assert visible("x ##[error]gone\n##[command]rm", 100) == "x #\\x23[error]gone\n#\\x23[command]rm"


def test_nor_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    say("answered 400: gone \x1b[31m\n##[command]rm")
    assert capsys.readouterr().err == "channel-images: answered 400: gone ?[31m #?[command]rm\n"


def test_an_image_stays_as_it_is() -> None:
    report = judged(json.dumps({"count": 1, "next": None, "previous": None, "results": [IMAGE]}).encode())
    assert report.verdict == "violates"
