"""Processes by identity, read from a made-up /proc and from our own."""

import os
import subprocess
from pathlib import Path

import pytest

from bind_local.host.processes import Identity, children, command_line, identify, parse_stat

STAT = "{pid} ({name}) {state} {parent} 1 1 0 -1 4194304 1 0 0 0 0 0 0 0 20 0 1 0 {started} 1 1 1"


def put(
    proc: Path, pid: int, *, name: str = "sleep", state: str = "S", parent: int = 1, started: int = 7
) -> None:
    (proc / str(pid)).mkdir(parents=True)
    (proc / str(pid) / "stat").write_text(
        STAT.format(pid=pid, name=name, state=state, parent=parent, started=started)
    )


@pytest.mark.parametrize("name", ["etcd", "a b", "x) S 9 (y", "(((", "S 1 2 3)"])
def test_the_name_may_hold_blanks_and_brackets(name: str) -> None:
    stat = parse_stat(STAT.format(pid=41, name=name, state="R", parent=40, started=99))
    assert (stat.pid, stat.state, stat.parent, stat.started) == (41, "R", 40, 99)


def test_a_number_that_was_given_out_again_is_another_process(tmp_path: Path) -> None:
    put(tmp_path, 5, started=100)
    assert Identity(5, 100).alive(tmp_path)
    assert not Identity(5, 99).alive(tmp_path)


@pytest.mark.parametrize("state", ["Z", "X"])
def test_a_dead_process_that_waits_to_be_reaped_is_not_alive(tmp_path: Path, state: str) -> None:
    put(tmp_path, 5, state=state, started=100)
    assert not Identity(5, 100).alive(tmp_path)


def test_a_process_that_is_gone_has_no_identity_and_no_words(tmp_path: Path) -> None:
    assert identify(5, tmp_path) is None
    assert command_line(5, tmp_path) == ""
    assert not Identity(5, 1).alive(tmp_path)


def test_children_are_found_by_their_parent(tmp_path: Path) -> None:
    put(tmp_path, 5)
    put(tmp_path, 7, parent=5)
    put(tmp_path, 6, parent=5)
    put(tmp_path, 8, parent=6)
    (tmp_path / "self").mkdir()
    assert children(5, tmp_path) == [6, 7]


def test_a_real_child_is_alive_until_it_is_killed() -> None:
    with subprocess.Popen(["sleep", "60"]) as process:
        identity = identify(process.pid)
        assert identity is not None
        assert identity.alive()
        assert process.pid in children(os.getpid())
        process.kill()
        process.wait()
        assert not identity.alive()
