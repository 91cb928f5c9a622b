"""The live checks run beside the reconciler: a look starts one that is due and takes what is known meanwhile.

So no worker ever waits for the network of a resource, be it behind a policy that drops every packet.
"""

import asyncio
import logging
import math
import time
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from bind_operator.api.external import ExternalWeaviate
from bind_operator.api.spec import BindVectorizer
from bind_operator.cluster.kube import Observed
from bind_operator.cluster.verification import Target
from bind_operator.metrics import VERIFIED_TIMESTAMP
from bind_operator.policy.authentication import Access
from bind_operator.policy.check_schedule import CheckSchedule
from bind_operator.policy.external import ExternalTarget, settings_in_words
from bind_operator.policy.facts import Key, Verification
from bind_operator.policy.names import external_gate_url, gate_url, is_upstream_image, rest_url
from bind_operator.policy.objects import Object
from bind_operator.policy.remembered import container_ids, remembered_vectors
from bind_operator.policy.verification import Expected
from bind_operator.reasons import Reason
from bind_operator.settings import Settings

logger = logging.getLogger(__name__)

MAX_CHECKS = 32
"""So many run at once: each is two or three sockets, and none costs CPU while it waits."""
GRACE_S = 1.0
"""So long a look without a result writes no status: most checks take a few milliseconds."""


@dataclass
class LiveChecks:
    """It starts checks, remembers their results, and makes a resource due when its result changed."""

    ask: Callable[[Target], Awaitable[Verification]]
    wake: Callable[[Key], None]
    schedule: CheckSchedule
    timestamp: Callable[[], str]
    """It is the time now, as Kubernetes writes it."""
    _subjects: dict[Key, Hashable] = field(default_factory=dict)
    _tasks: dict[Key, asyncio.Task[None]] = field(default_factory=dict)
    _missing_since: dict[Key, float] = field(default_factory=dict)
    _requests: dict[Key, str | None] = field(default_factory=dict)
    """A person asked for a new check by these, and got it."""
    _slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(MAX_CHECKS))

    def look(
        self, key: Key, subject: Hashable, target: Target, earlier: Verification | None
    ) -> Verification | None:
        """Return the result that counts for `subject`, None if there is none yet; start a check that is due.

        earlier: the result of an operator before this one, which counts until the first check has ended.
        """
        now = time.monotonic()
        self._subjects[key] = subject
        if earlier is not None and not self.schedule.is_known(key):
            self.schedule.restore(key, subject, earlier, now)
        if key not in self._tasks and self.schedule.wait_s(key, subject, now) == 0.0:
            self._tasks[key] = asyncio.create_task(self._check(key, subject, target))
        found = self.schedule.verdict(key, subject)
        if found is not None:
            self._missing_since.pop(key, None)
        else:
            self._missing_since.setdefault(key, now)
        return found

    def has_just_begun(self, key: Key) -> bool:
        """Return whether a result is missing, and that only for a moment."""
        since = self._missing_since.get(key)
        return since is not None and time.monotonic() - since < GRACE_S

    def wait_s(self, key: Key) -> float:
        """Return in how many seconds the resource should be looked at again; the end of a check wakes it."""
        if key in self._tasks:
            return GRACE_S if self.has_just_begun(key) else math.inf
        return self.schedule.wait_s(key, self._subjects.get(key), time.monotonic())

    def renew(self, key: Key, request: str | None) -> None:
        """Forget what was found before `request`, at its first look alone: else no check would ever end."""
        if self._requests.get(key) != request:
            self.forget(key)
            self._requests[key] = request

    def forget(self, key: Key) -> None:
        """Forget a resource that is gone, and end its check."""
        self._requests.pop(key, None)
        if (task := self._tasks.pop(key, None)) is not None:
            task.cancel()
        self._subjects.pop(key, None)
        self._missing_since.pop(key, None)
        self.schedule.forget(key)
        VERIFIED_TIMESTAMP.remove(key.namespace, key.name)

    async def close(self) -> None:
        """End all checks."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _check(self, key: Key, subject: Hashable, target: Target) -> None:
        try:
            async with self._slots:
                started_at = time.monotonic()
                found = await self.ask(target)
        except Exception:
            # A bug must not leave the resource unchecked without a word.
            logger.exception("bug in the live check", extra={"bindvectorizer": str(key)})
            started_at = time.monotonic()
            found = Verification(
                None, Reason.VERIFYING, "not verified yet: the live check failed; see the log"
            )
        self._tasks.pop(key, None)
        if self._subjects.get(key) != subject:
            # Other containers run by now: what was found is of neither.
            self.wake(key)
            return
        if found.holds is True or found.reason is Reason.AUTHENTICATION_REQUIRED:
            found = replace(found, verified_at=self.timestamp())
            VERIFIED_TIMESTAMP.labels(key.namespace, key.name).set_to_current_time()
        before = self.schedule.verdict(key, subject)
        self.schedule.record(key, subject, found, started_at)
        if not found.is_good or _said(before) != _said(found):
            self.wake(key)


def _said(verification: Verification | None) -> Verification | None:
    """Return a result without its time, which alone is no change."""
    return verification and replace(verification, verified_at=None)


def subject_of(digest: str, pods: Sequence[Object], has_inference_pods: bool = True) -> Hashable:
    """Return what a check's result holds for: these containers of this release, awake or asleep."""
    return (digest, has_inference_pods, *container_ids(pods))


def target_of(
    key: Key,
    resource: BindVectorizer,
    settings: Settings,
    observed: Observed,
    status: Mapping[str, Any],
    access: Access | None = None,
) -> Target:
    """Return whom the check of `resource` asks and what it expects. access: who may ask Weaviate."""
    inference, external = resource.spec.inference, resource.spec.weaviate.external
    repository = inference.image.repository or settings.images.inference.repository
    is_unknown = inference.external is not None or is_upstream_image(repository)
    expected = Expected(
        model=None if is_unknown else inference.model.name,
        remembered=remembered_vectors(status),
        operator=settings.operator_pod,
        weaviate=_external_target(key, external) if external else None,
        inference_url=inference.external.url if inference.external else "",
        key=in_words(access.probe_entry, access.secret) if access and access.secret else "",
    )
    has_pods = observed.inference is not None and observed.inference.wanted > 0
    is_served = has_pods or inference.external is not None
    if external is None:
        url = gate_url(key.name, key.namespace)
        by_key = f"{url}/weaviate" if expected.key else None
        return Target(rest_url(key.name, key.namespace), url if is_served else None, expected, by_key)
    gate = external_gate_url(key.name, key.namespace)
    # The gate asks in the operator's place: it has the key, and the network of the resource's namespace.
    return Target(f"{gate}/weaviate", gate if is_served else None, expected)


def _external_target(key: Key, external: ExternalWeaviate) -> ExternalTarget:
    secret = external.api_key
    held = in_words(secret.key, secret.name) if secret else ""
    return ExternalTarget(external.url, held, settings_in_words(key))


def in_words(entry: str, secret: str) -> str:
    """Return where a key is, for a message."""
    return f"the entry {entry} of the Secret {secret}"
