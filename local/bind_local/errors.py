"""The errors of the local cluster, each with what a person can do about it."""

import os
from collections.abc import Sequence
from pathlib import Path


class LocalError(Exception):
    """A step failed. `remedy` says what a person can do next; both are printed, the exit status is 1."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.remedy = remedy


class CommandFailed(LocalError):
    """A program ended with an error; the message holds the last lines of its output."""

    def __init__(
        self, argv: Sequence[str], status: int, output: str, remedy: str, log: Path | None = None
    ) -> None:
        where = f"\n(the whole log: {log})" if log else ""
        super().__init__(f"`{' '.join(argv)}` ended with status {status}:\n{output.rstrip()}{where}", remedy)
        self.status = status


def need_root(why: str) -> None:
    """Raise LocalError unless this is root. why: what needs it, as a clause."""
    if os.geteuid() != 0:
        raise LocalError(
            f"{why}, and this is not root", "run it as root, or use KUBE=current with your own cluster"
        )
