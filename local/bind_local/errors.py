"""What can go wrong here, each with what to do about it."""

import os
from collections.abc import Sequence
from pathlib import Path


class LocalError(Exception):
    """Something a person can act on: what failed, and the remedy."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.remedy = remedy


class CommandFailed(LocalError):
    """A program ended with an error; the message holds the last lines that it said."""

    def __init__(
        self, argv: Sequence[str], status: int, said: str, remedy: str, log: Path | None = None
    ) -> None:
        where = f"\n(the whole log: {log})" if log else ""
        super().__init__(f"`{' '.join(argv)}` ended with status {status}:\n{said.rstrip()}{where}", remedy)
        self.status = status
        self.said = said


def need_root(why: str) -> None:
    """Raise LocalError unless this is root. why: what needs it, as a clause."""
    if os.geteuid() != 0:
        raise LocalError(
            f"{why}, and this is not root", "run it as root, or use KUBE=current with your own cluster"
        )
