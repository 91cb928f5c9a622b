"""Leadership holds the Leases of what the operator watches, and the fence that they open.

An operator for all namespaces has one Lease, in a namespace that all such operators know. One for named
namespaces has a Lease in each of them, and leads where it holds it.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Self

from bind_operator.cluster.client import KubeClient
from bind_operator.cluster.fence import ALL, Fence, Watchdog
from bind_operator.cluster.lease import Candidate


class Leadership:
    """It runs the election, or none at all."""

    def __init__(self, candidates: dict[str, Candidate], watchdog: Watchdog | None) -> None:
        self._candidates = candidates
        self._watchdog = watchdog
        self.fence = Fence(candidates, watchdog)

    @classmethod
    def absent(cls) -> Self:
        """Return one without an election: the operator is told to be alone."""
        return cls({}, None)

    @classmethod
    async def start(
        cls,
        client: KubeClient,
        identity: str,
        name: str,
        lease_namespace: str,
        namespaces: Sequence[str],
        duration_s: int,
        on_change: Callable[[str], None],
    ) -> Self:
        """Return one that is a candidate for each Lease, and holds none yet.

        lease_namespace: of the one Lease where `namespaces` is empty. on_change: is given each scope whose
        Lease was won or lost.
        """
        watchdog = await Watchdog.start()
        places = {namespace: namespace for namespace in namespaces} or {ALL: lease_namespace}
        candidates = {
            scope: Candidate(client, place, name, identity, duration_s, scope, watchdog, on_change)
            for scope, place in places.items()
        }
        return cls(candidates, watchdog)

    async def run(self) -> None:
        """Stand for election until cancelled. Raises RuntimeError if the watchdog ends."""
        async with asyncio.TaskGroup() as group:
            for candidate in self._candidates.values():
                group.create_task(candidate.run())
            if self._watchdog is None:
                await asyncio.Event().wait()
            else:
                await self._watchdog.wait()

    async def close(self) -> None:
        """Give all Leases back and end the watchdog. Nothing may run any more."""
        await asyncio.gather(*(candidate.release() for candidate in self._candidates.values()))
        if self._watchdog is not None:
            await self._watchdog.close()
