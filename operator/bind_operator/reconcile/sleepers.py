"""Resources whose pods may end while nobody asks are looked at here: their gates, and not the API server.

A gate that holds a request is seen within a second. All runs in the event loop, beside the work queue.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace

import aiohttp

from bind_operator.cluster.autoscaling import TIMEOUT_S, Autoscalers, count_at
from bind_operator.errors import NotLeader, OperatorError
from bind_operator.policy.autoscaling import Counts, Quiet, Sleeper, Step, judge
from bind_operator.policy.facts import Component, Key
from bind_operator.policy.objects import Object, component_of, is_deleting
from bind_operator.policy.state import ReleaseState
from bind_operator.reconcile.look import Look

logger = logging.getLogger(__name__)

ASLEEP_LOOK_S = 1.0
AWAKE_LOOK_S = 5.0
"""Those that are awake are asked so often, as sleeping later by so long harms nobody."""
MAX_AT_ONCE = 32

Count = Callable[[Sequence[str]], Awaitable[Counts | None]]


@dataclass
class Sleepers:
    """It keeps what the last look found of each of these, ends their last pods and wakes the first."""

    autoscalers: Autoscalers
    _known: dict[Key, Sleeper] = field(default_factory=dict)
    _quiet: dict[Key, Quiet] = field(default_factory=dict)
    _asked_at: dict[Key, float] = field(default_factory=dict)

    def note(self, look: Look, *, is_well: bool) -> None:
        """Take what a look found. is_well: whether all pods are ready and nothing is under way."""
        if look.resource is None and not look.deleting:
            # What ran before the spec was spoilt still does, and is still asked.
            return
        sleeper = sleeper_of(look, is_well=is_well)
        if sleeper is None:
            self.forget(look.key)
        else:
            self._known[look.key] = sleeper

    def forget(self, key: Key) -> None:
        """Forget a resource that is gone, or that another operator acts on."""
        for kept in (self._known, self._quiet, self._asked_at):
            kept.pop(key, None)

    async def run(self) -> None:
        """Ask gates until cancelled."""
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
        async with aiohttp.ClientSession(timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()) as session:
            while True:
                await self.round(lambda gates: count_at(session, gates))
                await asyncio.sleep(ASLEEP_LOOK_S)

    async def round(self, count: Count) -> None:
        """Look once at the gates of all that are asleep, and of those that are awake and due."""
        now = time.monotonic()
        slots = asyncio.Semaphore(MAX_AT_ONCE)

        async def ask(key: Key, sleeper: Sleeper) -> None:
            async with slots:
                self._asked_at[key] = now
                counts = await count(sleeper.gates) if sleeper.gates else None
            await self._follow(key, sleeper, counts)

        due = [(key, one) for key, one in self._known.items() if self._is_due(key, one, now)]
        await asyncio.gather(*(ask(key, one) for key, one in due))

    def _is_due(self, key: Key, sleeper: Sleeper, now: float) -> bool:
        if sleeper.replicas == 0:
            # Where there is no gate nobody can ask.
            return bool(sleeper.gates)
        wait_s = min(AWAKE_LOOK_S, sleeper.sleep_after_s / 4)
        return sleeper.least == 0 and now - self._asked_at.get(key, 0.0) >= wait_s

    async def _follow(self, key: Key, sleeper: Sleeper, counts: Counts | None) -> None:
        """Do what the counts ask for."""
        step, quiet = judge(sleeper, self._quiet.get(key, Quiet()), counts, time.monotonic())
        if self._known.get(key) != sleeper:
            # It was looked at meanwhile, or is gone.
            return
        self._quiet[key] = quiet
        if step is Step.NOTHING:
            return
        after = max(1, sleeper.least) if step is Step.WAKE else 0
        fields = {"bindvectorizer": str(key), "replicas": after}
        try:
            await self.autoscalers.scale(key, sleeper.replicas, after)
        except NotLeader:
            return
        except OperatorError as error:
            # The next round tries again; where somebody else scaled it, a look brings the number first.
            logger.warning("not scaled", extra=fields | {"error": str(error)})
            return
        except Exception:
            # A bug must not keep the other resources asleep.
            logger.exception("bug in scaling", extra=fields)
            return
        logger.info("woken" if after else "put to sleep", extra=fields)
        if self._known.get(key) == sleeper:
            self._known[key] = replace(sleeper, replicas=after)
            self._quiet[key] = Quiet()


def sleeper_of(look: Look, *, is_well: bool) -> Sleeper | None:
    """Return what a look found of a resource that is autoscaled and may have no pod; None for others."""
    scaling = look.resource.spec.inference.autoscaling if look.resource else None
    inference = look.observed.inference
    if scaling is None or inference is None or look.deleting or look.state is ReleaseState.FOREIGN:
        return None
    if not scaling.sleeps and inference.wanted > 0:
        return None
    return Sleeper(
        least=scaling.min_replicas,
        replicas=inference.wanted,
        gates=gate_addresses(look.observed.pods),
        sleep_after_s=scaling.sleep_after_seconds,
        may_sleep=is_well and not look.suspended and look.state is ReleaseState.IN_SYNC,
    )


def gate_addresses(pods: Sequence[Object]) -> tuple[str, ...]:
    """Return the addresses of the pods that hold gates: Weaviate's, or the gate's own."""
    holders = (Component.WEAVIATE, Component.GATE)
    found = {
        pod.get("status", {}).get("podIP", "")
        for pod in pods
        if component_of(pod) in holders and not is_deleting(pod)
    }
    return tuple(sorted(found - {""}))
