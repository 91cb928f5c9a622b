"""The operator makes the Secrets with keys that a resource asks for and names none of, and tells of it."""

import math
import secrets
from dataclasses import dataclass, field

from bind_operator.cluster.key_secrets import KeySecrets
from bind_operator.cluster.kube import Kube
from bind_operator.cluster.operator_keys import OperatorKeys
from bind_operator.errors import ApiRefused
from bind_operator.policy.authentication import inference_keys_of, lacks_key, made_before, mentions
from bind_operator.policy.facts import Failure, Key
from bind_operator.policy.keys import inference_keys, weaviate_keys
from bind_operator.policy.objects import Object
from bind_operator.policy.state import ReleaseState
from bind_operator.reasons import Reason
from bind_operator.reconcile.look import Look

KEY_BYTES = 32
MARK_BYTES = 4
AGAIN_S = 10.0
"""So long at least passes between two tries to make what a pod or the live check misses."""


@dataclass
class Keys:
    """It asks for each Secret to be made, which the API server refuses where it is there.

    What pods were made with was made before them, so a look at rest asks for nothing.
    """

    kube: Kube
    secrets: KeySecrets
    own: OperatorKeys
    _made: dict[Key, str] = field(default_factory=dict)
    _asked_at: dict[Key, float] = field(default_factory=dict)
    _requests: dict[Key, str | None] = field(default_factory=dict)

    def made(self, key: Key, raw: Object) -> str:
        """Return what tells Weaviate's Secret that was made from one before it; "" where it is not known."""
        return self._made.get(key) or made_before(raw.get("status", {}))

    async def provide(self, look: Look, now: float) -> bool:
        """Make what is missing; return whether Weaviate's keys are new. Raises ApiRefused.

        now: seconds of any clock.
        """
        # Values for somebody else name the Secrets, too.
        is_ours = look.renders or (look.state is not ReleaseState.FOREIGN and not look.stands_back)
        if look.resource is None or look.values is None or look.deleting or look.suspended or not is_ours:
            return False
        is_suspected, made = self._is_suspected(look, now), None
        access, inference = look.access, inference_keys_of(look.key.name, look.resource.spec.inference)
        if access is not None and access.is_made:
            is_used = mentions(look.observed.stateful_set, access.secret)
            if is_suspected or not is_used:
                own = await self.own.key_for(look.key)
                entries = weaviate_keys(_token, (one.entry for one in access.entries), own)
                told = self.made(look.key, look.raw) if is_used else None
                made = await self._ensure(look, access.secret, entries, is_used=is_used, told=told)
        if inference.is_made:
            # The gate has its key before the servers want one.
            workloads = (look.observed.deployment, look.observed.stateful_set)
            is_used = any(mentions(workload, inference.secret) for workload in workloads)
            if is_suspected or not is_used:
                entries = inference_keys(_token, inference.entries)
                await self._ensure(look, inference.secret, entries, is_used=is_used)
        if look.is_asked:
            self._requests[look.key] = look.request
        if made is not None:
            self._made[look.key] = made
        return made is not None

    def _is_suspected(self, look: Look, now: float) -> bool:
        """Return whether a Secret may be gone: a pod or the live check misses it, or a person asks."""
        if look.is_asked and self._requests.get(look.key) != look.request:
            return True
        problem = look.observed.problem
        is_missed = (problem is not None and problem.lacks_secret) or lacks_key(look.raw.get("status", {}))
        if not is_missed or now - self._asked_at.get(look.key, -math.inf) < AGAIN_S:
            return False
        self._asked_at[look.key] = now
        return True

    async def _ensure(
        self, look: Look, name: str, entries: dict[str, str], *, is_used: bool, told: str | None = None
    ) -> str | None:
        """Make the Secret if it is not there.

        is_used: pods were made with it, so it was there then. told: by this they know it, who have to start
        anew with another one.
        """
        try:
            if told is None:
                made = await self.secrets.ensure(look.key, name, entries)
            else:
                mark = secrets.token_hex(MARK_BYTES)
                made = await self.secrets.renew(look.key, name, entries, mark, told)
        except ApiRefused:
            if is_used:
                # It may be there for all that; the pods say so if it is not.
                return None
            raise
        if made is not None:
            message = f"the Secret {name} is made, with the keys {', '.join(entries)}"
            if is_used:
                message = (
                    f"the Secret {name} was gone; it is made anew, with other keys, and the old ones are void"
                )
            await self.kube.record_event(look.raw, Reason.KEYS_MADE, message, warning=is_used)
        return made

    def forget(self, key: Key) -> None:
        """Forget a resource that is gone, or that another operator acts on."""
        self._made.pop(key, None)
        self._asked_at.pop(key, None)
        self._requests.pop(key, None)


def refused(error: ApiRefused) -> Failure:
    """Return what is wrong where a Secret may not be made, and what to do."""
    message = (
        f"the Secret for the keys cannot be made ({error}); let the operator create secrets, as its chart "
        "does, or name a Secret in spec.weaviate.authentication.apiKeys.secretName or "
        "spec.inference.apiKeys.secretName"
    )
    return Failure(Reason.API_REFUSED, message, is_final=True)


def _token() -> str:
    return secrets.token_urlsafe(KEY_BYTES)
