"""A candidate takes, renews and gives back one Lease. What it does next is judged by `policy.lease`.

The parts of a lease are those of client-go: it is renewed every 2/15 of it, and counts as lost here when no
renewal held for 10/15 of it, so that the last third is there to end what runs.
"""

import asyncio
import contextlib
import logging
import random
from collections.abc import Callable
from datetime import UTC, datetime

from bind_operator.cluster.client import KubeClient
from bind_operator.cluster.fence import Watchdog, clock
from bind_operator.errors import ApiConflict, ApiRefused, OperatorError
from bind_operator.metrics import LEADER
from bind_operator.policy.lease import (
    LeaseRecord,
    Observation,
    Step,
    build_lease,
    decide_step,
    observe,
    read_lease,
)

logger = logging.getLogger(__name__)

RETRY = 2 / 15
DEADLINE = 10 / 15
KILL = 12 / 15
"""Of a lease: then the watchdog kills Helm, if the operator itself has not."""


class Candidate:
    """It wants one Lease, and holds it or stands by."""

    def __init__(
        self,
        client: KubeClient,
        namespace: str,
        name: str,
        identity: str,
        duration_s: int,
        scope: str,
        watchdog: Watchdog,
        on_change: Callable[[str], None],
    ) -> None:
        """Take a client without a fence, and call `on_change` with `scope` when the Lease was won or lost."""
        self._client = client
        self._namespace, self._name, self._identity = namespace, name, identity
        self._duration_s = duration_s
        self._scope = scope
        self._watchdog = watchdog
        self._on_change = on_change
        self._path = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases"
        self._observation: Observation | None = None
        self._written: LeaseRecord | None = None
        self._renewed_at: float | None = None
        self._told = ""
        LEADER.labels(lease=self.lease).set(0)

    @property
    def lease(self) -> str:
        """The Lease as `namespace/name`."""
        return f"{self._namespace}/{self._name}"

    def holds(self) -> bool:
        """Return whether the Lease was renewed recently enough to act on it."""
        return self._renewed_at is not None and clock() < self._renewed_at + DEADLINE * self._duration_s

    async def run(self) -> None:
        """Take the Lease whenever it is free, and renew it, until cancelled."""
        while True:
            await self._round()
            wait_s = RETRY * self._duration_s * random.uniform(0.9, 1.0)  # noqa: S311
            await asyncio.sleep(min(wait_s, self._left_s()))
            if self._renewed_at is not None and not self.holds():
                self._lose("it could not be renewed in time")

    async def release(self) -> None:
        """Give the Lease back, if it is held, so that nobody waits for it to run out."""
        if not self.holds():
            return
        self._renewed_at = None
        LEADER.labels(lease=self.lease).set(0)
        try:
            async with asyncio.timeout(2.0):
                record = read_lease(await self._client.read(f"{self._path}/{self._name}"))
                if record is not None and record.holder == self._identity:
                    lease = build_lease(self._namespace, self._name, "", self._duration_s, record, _now())
                    await self._client.replace(f"{self._path}/{self._name}", lease)
        except (OperatorError, TimeoutError) as error:
            logger.warning("lease not given back", extra={"lease": self.lease, "error": str(error)})
        else:
            logger.info("lease given back", extra={"lease": self.lease})

    async def _round(self) -> None:
        """Look at the Lease and take one step."""
        began = clock()
        try:
            # A renewal that hangs must not hide that the time is over.
            async with asyncio.timeout(max(0.01, min(self._left_s(), DEADLINE * self._duration_s))):
                step = await self._step()
        except ApiConflict:
            return  # somebody else was quicker; the next look says who
        except (OperatorError, TimeoutError) as error:
            self._tell(
                "lease not renewed" if self._renewed_at else "lease not to be had",
                error=str(error) or "no answer in time",
            )
            return
        if step is Step.STAND_BY:
            if self._renewed_at is not None:
                self._lose("somebody else has it")
            return
        # From before the request: the others count from after it.
        first, self._renewed_at = self._renewed_at is None, began
        self._watchdog.extend(self._scope, began + KILL * self._duration_s)
        if first:
            LEADER.labels(lease=self.lease).set(1)
            logger.info("lease taken", extra={"lease": self.lease, "holder": self._identity})
            self._told = ""
            self._on_change(self._scope)

    async def _step(self) -> Step:
        """Create, renew or take the Lease where that may be. Raises OperatorError."""
        if self._written is not None:
            # It is still as it was written, or the API server refuses: then it is read to see whose it is.
            with contextlib.suppress(ApiConflict):
                await self._write(Step.RENEW, self._written)
                return Step.RENEW
        record = read_lease(await self._client.read(f"{self._path}/{self._name}"))
        self._observation = observe(self._observation, record, clock())
        step = decide_step(self._observation, self._identity, clock())
        if step is Step.STAND_BY:
            holder = record.holder if record else ""
            self._tell("another operator leads here; this one stands by", holder=holder)
        else:
            await self._write(step, record)
        return step

    async def _write(self, step: Step, before: LeaseRecord | None) -> None:
        """Write the Lease over `before` and remember it. Raises ApiConflict if it is another by now."""
        self._written = None
        lease = build_lease(self._namespace, self._name, self._identity, self._duration_s, before, _now())
        if step is Step.CREATE:
            written = await self._client.create(self._path, lease)
            if written is None:
                raise ApiRefused(f"there is no namespace {self._namespace} for the Lease")
        else:
            written = await self._client.replace(f"{self._path}/{self._name}", lease)
            if written is None:
                raise ApiConflict(f"the Lease {self.lease} was deleted just now")
        self._written = read_lease(written)

    def _left_s(self) -> float:
        """Return the seconds until a lease that is held counts as lost."""
        if self._renewed_at is None:
            return float(self._duration_s)
        return max(0.0, self._renewed_at + DEADLINE * self._duration_s - clock())

    def _lose(self, why: str) -> None:
        self._renewed_at = None
        LEADER.labels(lease=self.lease).set(0)
        logger.warning("lease lost", extra={"lease": self.lease, "why": why})
        self._on_change(self._scope)

    def _tell(self, message: str, **fields: str) -> None:
        """Log what lasts once, until it changes."""
        told = f"{message} {fields}"
        if told != self._told:
            self._told = told
            logger.info(message, extra={"lease": self.lease, **fields})


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
