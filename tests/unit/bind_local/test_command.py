"""A failed program is reported with its output, its log and a remedy."""

from pathlib import Path

import pytest

from bind_local import command
from bind_local.errors import CommandFailed, LocalError, need_root

FAIL = ["sh", "-c", "seq 40; echo the reason >&2; exit 3"]


def test_a_failure_has_the_last_lines_the_log_and_the_remedy(tmp_path: Path) -> None:
    log = tmp_path / "logs" / "x.log"
    with pytest.raises(CommandFailed) as raised:
        command.logged(FAIL, log=log, remedy="do this")
    assert raised.value.status == 3
    assert raised.value.remedy == "do this"
    assert str(raised.value).endswith(f"    40\n    the reason\n(the whole log: {log})")
    assert "\n    25\n" not in str(raised.value)
    assert "\n1\n2\n" in log.read_text()


def test_only_this_run_is_quoted_from_a_log_that_was_there(tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    log.write_text("an earlier error\n")
    with pytest.raises(CommandFailed) as raised:
        command.logged(["sh", "-c", "exit 1"], log=log, remedy="")
    assert "earlier" not in str(raised.value)
    assert log.read_text().startswith("an earlier error\n$ sh -c")


def test_a_missing_program_is_named(tmp_path: Path) -> None:
    for run in (
        lambda: command.output(["no-such-program"], remedy="install it"),
        lambda: command.logged(["no-such-program"], log=tmp_path / "x.log", remedy="install it"),
    ):
        with pytest.raises(LocalError, match="no-such-program") as raised:
            run()
        assert raised.value.remedy == "install it"


def test_output_and_input_pass_through() -> None:
    assert command.output(["cat"], remedy="", stdin="words") == "words"


def test_a_user_who_is_not_root_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(LocalError, match="this needs it, and this is not root") as raised:
        need_root("this needs it")
    assert "KUBE=current" in raised.value.remedy
    monkeypatch.setattr("os.geteuid", lambda: 0)
    need_root("this needs it")
