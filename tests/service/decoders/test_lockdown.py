"""A decoder that was taken over by its input reaches nothing but its socket: one is made to try."""

import logging
import os
import socket
from pathlib import Path

import pytest

from bind_inference.decoders import lockdown
from bind_inference.decoders.handle import PoolConfig
from bind_inference.errors import InvalidItem
from support import crashing
from support.decoder_pool import MEMORY_BYTES, TIMEOUT_S, WORKERS, Pool, check, good, harm, opened

REFUSED = "refused: Permission denied"


def tried(pool: Pool, *words: object) -> str:
    outcome = pool.ask(harm(" ".join(map(str, ("try", *words)))))
    assert isinstance(outcome, InvalidItem), outcome
    return outcome.message


def test_it_opens_no_file(pool: Pool, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("weights")
    for attempt in ("read", "write", "remove"):
        assert tried(pool, attempt, secret) == REFUSED, attempt
    for path in (tmp_path, "/", "/proc", "/tmp"):
        assert tried(pool, "list", path) == REFUSED, path
    for path in ("/etc/hosts", "/proc/self/environ", "/proc/1/cmdline", "/dev/null"):
        assert tried(pool, "read", path) == REFUSED, path
    assert tried(pool, "write", tmp_path / "new") == REFUSED
    assert secret.read_text() == "weights"
    assert pool.restarts == []


def test_it_adds_nothing_to_pythons_own_which_it_may_read(pool: Pool) -> None:
    own = Path(lockdown.__file__)
    assert tried(pool, "read", own) == "it worked"
    assert tried(pool, "import", "colorsys") == "it worked"
    added = own.with_name("added.py")
    try:
        assert tried(pool, "write", added) == REFUSED
    finally:
        added.unlink(missing_ok=True)


def test_it_connects_to_nothing(pool: Pool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        assert tried(pool, "connect", listener.getsockname()[1]) == REFUSED
        listener.setblocking(False)
        with pytest.raises(BlockingIOError):
            listener.accept()
    assert tried(pool, "pair") == REFUSED


def test_it_starts_and_touches_no_other_process(pool: Pool) -> None:
    for attempt in ("fork", "run"):
        assert tried(pool, attempt) == REFUSED, attempt
    for attempt in ("kill", "own", "limit", "trace"):
        assert tried(pool, attempt, os.getpid()) == REFUSED, attempt
    assert tried(pool, "kill", 0) == REFUSED


def test_it_may_have_threads(pool: Pool) -> None:
    assert tried(pool, "thread") == "it worked"


def test_it_decodes_as_before(pool: Pool) -> None:
    for number in range(3):
        check(pool.ask(good(number)), good(number))


def test_what_the_kernel_cannot_is_told_once(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bind_inference.decoders.handle.serve", crashing.serve_open)
    with opened(PoolConfig(WORKERS, TIMEOUT_S, MEMORY_BYTES)) as pool:
        check(pool.ask(good(1)), good(1))
    (record,) = [record for record in caplog.records if "locked in" in record.message]
    assert record.levelno == logging.WARNING
    assert record.__dict__["detail"] == "files (Landlock): Function not implemented"


def test_nothing_is_told_where_it_can(caplog: pytest.LogCaptureFixture, pool: Pool) -> None:
    pool.pool.check()
    assert not [record for record in caplog.records if "locked in" in record.message]


@pytest.mark.parametrize("architecture", [lockdown._X86, lockdown._ARM])
def test_the_filter_ends_with_a_verdict_wherever_it_jumps(architecture: int) -> None:
    program = lockdown.filter_program(architecture, 4711)
    for place, (code, when, otherwise, _) in enumerate(program):
        if code & 7 == 5:  # a jump
            assert place + 1 + max(when, otherwise) < len(program)
    assert program[-1][0] == lockdown._RETURN
