"""The convert command; a small model stands for the large one."""

import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from safetensors import safe_open

from bind_inference.__main__ import main
from bind_inference.weights.reading import PUBLISHED_SHA256, named_source, read_model
from support.checkpoint import HUGE

pytestmark = pytest.mark.usefixtures("small")
ACCEPT = ("--license-accepted", "true")


@pytest.fixture
def convert(published: Path, published_sha256: str, tmp_path: Path) -> Callable[[], int]:
    named = ("--weights-path", str(published), "--weights-sha256", published_sha256)
    return lambda: main(["convert", *ACCEPT, *named, "--output", str(tmp_path)])


def test_the_file_says_what_it_was_made_from_and_servers_find_it(
    convert: Callable[[], int], published_sha256: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert convert() == 0
    (file,) = tmp_path.glob("*.safetensors")
    reported = capsys.readouterr()
    assert reported.out == f"{file}\n"
    assert file.name == f"{HUGE}-{published_sha256[:16]}.safetensors"
    with safe_open(file, framework="pt") as opened:
        assert opened.metadata()["source_sha256"] == published_sha256
    cache = tmp_path / "cache"
    read_model(HUGE, named_source(tmp_path, sha256=published_sha256), cache)
    assert not cache.exists()


def test_its_course_is_told_in_log_lines(
    convert: Callable[[], int], published: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert convert() == 0
    events = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert list(dict.fromkeys(event["stage"] for event in events)) == ["verify", "convert"]
    last = events[-1]
    assert last["done_bytes"] == last["total_bytes"] == published.stat().st_size


def test_on_a_terminal_there_is_a_bar(convert: Callable[[], int], monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    assert convert() == 0
    reported = terminal.getvalue()
    assert "verify" in reported
    assert "convert" in reported
    assert "━" in reported
    assert '"level"' not in reported


def test_another_checkpoint_is_refused(
    published: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["convert", *ACCEPT, "--weights-path", str(published), "--output", str(tmp_path)]
    assert main(arguments) == 1
    reported = capsys.readouterr()
    assert reported.out == ""
    assert (
        f"python -m bind_inference convert: --weights-path (BIND_WEIGHTS_PATH): {published} " in reported.err
    )
    assert f"not {PUBLISHED_SHA256}" in reported.err
    assert not list(tmp_path.glob("*.safetensors"))


@pytest.mark.parametrize(
    ("arguments", "reported"),
    [
        (["--output", "x"], "--license-accepted (BIND_LICENSE_ACCEPTED): must be true for ImageBindHuge"),
        ([*ACCEPT], "--output (BIND_OUTPUT): "),
        (["--output", "x", "--model", "tiny"], "--model (BIND_MODEL): Tiny's weights come from a formula"),
    ],
    ids=["licence", "output", "tiny"],
)
def test_a_wrong_setting_is_one_line_and_status_2(
    arguments: list[str], reported: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["convert", *arguments]) == 2
    said = capsys.readouterr().err
    assert reported in said
    assert said.count("\n") == 1
