"""Runs programs: their output goes to a log, and their errors say what to do."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from bind_local.errors import CommandFailed, LocalError

LAST_LINES = 15


def last_lines(text: str, count: int = LAST_LINES) -> str:
    """Return the last lines of `text` that say something, indented."""
    lines = [line for line in text.splitlines() if line.strip()]
    return "\n".join(f"    {line}" for line in lines[-count:])


def output(
    argv: Sequence[str | Path], *, remedy: str, cwd: Path | None = None, stdin: str | None = None
) -> str:
    """Return what a quick program printed. Raises CommandFailed with its error output."""
    args = [str(arg) for arg in argv]
    try:
        done = subprocess.run(args, cwd=cwd, input=stdin, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise LocalError(f"the program {args[0]!r} is not installed", remedy) from error
    if done.returncode != 0:
        raise CommandFailed(args, done.returncode, last_lines(done.stderr or done.stdout), remedy)
    return done.stdout


def logged(
    argv: Sequence[str | Path],
    *,
    log: Path,
    remedy: str,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> None:
    """Run a long program with its output in `log`. Raises CommandFailed with the log's last lines.

    env: added to this process's environment.
    """
    args = [str(arg) for arg in argv]
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as sink:
        start = sink.tell()
        sink.write(f"$ {' '.join(args)}\n".encode())
        sink.flush()
        try:
            done = subprocess.run(
                args,
                cwd=cwd,
                env={**os.environ, **(env or {})},
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                check=False,
            )
        except FileNotFoundError as error:
            raise LocalError(f"the program {args[0]!r} is not installed", remedy) from error
    if done.returncode != 0:
        with log.open("rb") as source:
            source.seek(start)
            output_text = source.read().decode(errors="replace")
        raise CommandFailed(args, done.returncode, last_lines(output_text), remedy, log)
