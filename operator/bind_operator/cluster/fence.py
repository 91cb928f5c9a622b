"""The fence lets nothing be written and no Helm run without a living lease, and ends the runs of a lost one.

It does not trust the event loop to be on time: each write and each start of Helm asks the clock, and one more
process kills Helm when the lease is nearly over, even while the operator is frozen.
"""

import asyncio
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol, Self

from bind_operator.cluster import watchdog
from bind_operator.errors import NotLeader

ALL = "*"
"""The scope of an operator that watches all namespaces."""
clock = watchdog.clock


class Lead(Protocol):
    """It is what the fence asks about the lease of one scope."""

    def holds(self) -> bool:
        """Return whether the lease was renewed recently enough to act on it."""


class Watchdog:
    """It is the process that kills Helm, and the pipe to it."""

    def __init__(self, process: asyncio.subprocess.Process, pipe: int) -> None:
        self._process = process
        self._pipe = pipe

    @classmethod
    async def start(cls) -> Self:
        """Return a running one."""
        reading, writing = os.pipe()
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-I", "-S", str(Path(watchdog.__file__))),
                stdin=reading,
                # Ctrl-C is for the operator, which drains while its runs are still watched.
                start_new_session=True,
            )
        finally:
            os.close(reading)
        return cls(process, writing)

    def extend(self, scope: str, until: float) -> None:
        """Let the Helm runs of `scope` live until then, in seconds of `clock`."""
        self._write(f"until {scope} {until:.3f}")

    def enroll(self, scope: str) -> None:
        """Name the calling process as a Helm run; for the moment between fork and exec."""
        self._write(f"run {scope} {os.getpid()}")

    async def wait(self) -> None:
        """Wait for its end, which leaves Helm unwatched. Raises RuntimeError."""
        status = await self._process.wait()
        raise RuntimeError(f"the watchdog of Helm ended with status {status}")

    async def close(self) -> None:
        """End it, and with it all runs that are left."""
        os.close(self._pipe)
        await self._process.wait()

    def _write(self, line: str) -> None:
        os.write(self._pipe, line.encode() + b"\n")  # below 4 KiB, so that lines of two processes do not mix


class Fence:
    """It knows for each namespace whether the operator may act in it."""

    def __init__(self, leads: Mapping[str, Lead], watchdog: Watchdog | None) -> None:
        """Take what is known of each lease, by scope: a namespace or ALL. Without any lease all is open."""
        self._leads = leads
        self._watchdog = watchdog

    def scope_of(self, namespace: str) -> str:
        """Return whose lease covers `namespace`."""
        return ALL if ALL in self._leads else namespace

    def is_open(self, namespace: str) -> bool:
        """Return whether the operator may act in `namespace` now."""
        if not self._leads:
            return True
        lead = self._leads.get(self.scope_of(namespace))
        return lead is not None and lead.holds()

    def check(self, namespace: str) -> None:
        """Raise NotLeader unless the operator may act in `namespace` now."""
        if not self.is_open(namespace):
            raise NotLeader(
                f"this operator does not lead in namespace {namespace}, so it changes nothing there"
            )

    def guard(self, namespace: str) -> Callable[[], None]:
        """Return what a Helm run in `namespace` does right before it begins. Raises NotLeader."""
        self.check(namespace)
        scope, dog = self.scope_of(namespace), self._watchdog
        return lambda: dog.enroll(scope) if dog else None
