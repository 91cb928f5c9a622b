"""Deletion uninstalls the release, handles the volumes and removes the finalizer. It never waits for ever."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from bind_operator.api.spec import DeletionPolicy
from bind_operator.cluster.key_secrets import KeySecrets
from bind_operator.cluster.kube import Kube, Observed
from bind_operator.policy.claims import claims_to_delete
from bind_operator.policy.facts import Failure, Key
from bind_operator.policy.names import inference_keys_name, weaviate_keys_name
from bind_operator.policy.objects import Object, component_of, instance_selector, is_deleting
from bind_operator.reasons import Reason
from bind_operator.reconcile.uninstall import Uninstaller


@dataclass
class Deletion:
    """It takes the steps of a deletion; each returns whether the resource is gone by it."""

    kube: Kube
    uninstaller: Uninstaller
    secrets: KeySecrets
    timeout_s: float
    """So long after the user's delete the operator still waits for what could not be removed."""
    requeue_s: float = 1.0
    _deleted: dict[Key, list[str]] = field(default_factory=dict)
    _uninstalled: set[Key] = field(default_factory=set)
    _tried: set[Key] = field(default_factory=set)
    """An uninstall of these was begun: one that failed may have done its work."""
    _told: set[tuple[Key, Reason]] = field(default_factory=set)

    async def uninstall(self, key: Key, raw: Object, observed: Observed, blocked: Failure | None) -> bool:
        """Take the next step of an uninstall, unless one failed a moment ago. Raises as that does."""
        if self.is_overdue(raw):
            why = blocked.message if blocked else "the release is still there"
            message = (
                f"release {key.name} could not be uninstalled within {self.timeout_s:g} s and is left: "
                f"{why}. Remove it with: {self.uninstaller.helm.driver.command} uninstall {key.name} "
                f"-n {key.namespace}"
            )
            await self.kube.record_event(raw, Reason.UNINSTALL_GAVE_UP, message, warning=True)
            return await self._remove_finalizer(raw)
        if blocked is None:
            self._tried.add(key)
            await self.uninstaller.step(key, observed)
            self._uninstalled.add(key)
        return False

    async def _tell(
        self, key: Key, raw: Object, reason: Reason, message: str, *, warning: bool = False
    ) -> None:
        """Record an event of a deletion once, also where an operator before this one died right after it."""
        if (key, reason) in self._told:
            return
        if not await self.kube.events.has_told(raw, [reason]):
            await self.kube.record_event(raw, reason, message, warning=warning)
        self._told.add((key, reason))

    async def finish(self, key: Key, raw: Object, observed: Observed, policy: str, *, owned: bool) -> bool:
        """Delete the volume claims that the resource used, if `policy` says so; then remove the finalizer."""
        if owned and (key in self._tried or raw.get("status", {}).get("release")):
            # Only now is it seen that it is gone. An operator before this one may have done it.
            await self._tell(key, raw, Reason.UNINSTALLED, _uninstalled(key))
        claims = observed.claims if owned else ()
        used: list[Object] = []
        if policy == DeletionPolicy.DELETE:
            used = claims_to_delete(claims, raw, uninstalled=key in self._uninstalled)
            if used:
                # A pod that is still there may still write. One that never goes is not waited for for ever.
                if self.is_overdue(raw) or not any(map(component_of, observed.pods)):
                    self._deleted[key] = _names(used)
                    await self.kube.delete_claims(key, used)
                if not self.is_overdue(raw):
                    return False
            await self._record_deleted(key, raw, _names(used))
        kept = _names([claim for claim in claims if claim not in used])
        if kept:
            why = ", since this resource never used them" if policy == DeletionPolicy.DELETE else ""
            message = (
                f"volumes kept{why}: {', '.join(kept)}. Remove them with: kubectl delete pvc "
                f"-n {key.namespace} -l {instance_selector(key.name)}"
            )
            await self._tell(key, raw, Reason.VOLUMES_KEPT, message)
        if owned:
            await self._part_with_keys(key, raw, delete=policy == DeletionPolicy.DELETE)
        return await self._remove_finalizer(raw)

    async def _part_with_keys(self, key: Key, raw: Object, *, delete: bool) -> None:
        """Delete the Secrets that the operator made, or tell that they stay, as the volumes do."""
        kept = []
        for name in (weaviate_keys_name(key.name), inference_keys_name(key.name)):
            if delete:
                await self.secrets.remove(key, name)
            elif await self.secrets.is_kept(key, name):
                kept.append(name)
        if kept:
            message = (
                f"keys kept: {', '.join(kept)}. Remove the Secrets with: kubectl delete configmap "
                f"-n {key.namespace} {' '.join(kept)}"
            )
            await self._tell(key, raw, Reason.KEYS_KEPT, message)

    async def _record_deleted(self, key: Key, raw: Object, left: Sequence[str]) -> None:
        if left:
            message = (
                f"volumes are still being deleted after {self.timeout_s:g} s and are left to the cluster: "
                f"{', '.join(left)}. See: kubectl describe pvc -n {key.namespace} {left[0]}"
            )
            await self._tell(key, raw, Reason.VOLUMES_LEFT, message, warning=True)
        elif key in self._deleted:
            message = f"volumes deleted: {', '.join(self._deleted[key])}"
            await self._tell(key, raw, Reason.VOLUMES_DELETED, message)

    def forget(self, key: Key) -> None:
        """Forget a resource that is gone."""
        self._deleted.pop(key, None)
        self._uninstalled.discard(key)
        self._tried.discard(key)
        self._told = {one for one in self._told if one[0] != key}

    async def _remove_finalizer(self, raw: Object) -> bool:
        await self.kube.apply_finalizer(raw, present=False)
        return True

    def is_overdue(self, raw: Object) -> bool:
        """Return whether a deletion has waited long enough; never so while the resource lives."""
        if not is_deleting(raw):
            return False
        deleted_at = datetime.fromisoformat(raw["metadata"]["deletionTimestamp"])
        return self.kube.clock.now() - deleted_at.timestamp() >= self.timeout_s


def _uninstalled(key: Key) -> str:
    return f"release {key.name} uninstalled"


def _names(claims: Sequence[Object]) -> list[str]:
    return [claim["metadata"]["name"] for claim in claims]
