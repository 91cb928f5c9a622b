"""The action that was decided is taken here, and told by an event."""

import time
from dataclasses import dataclass

from bind_operator.api.spec import DeletionPolicy
from bind_operator.cluster.autoscaling import Autoscalers
from bind_operator.cluster.kube import Kube
from bind_operator.cluster.lost_kinds import LostKinds
from bind_operator.cluster.records import Records
from bind_operator.errors import HelmFailed, KindNotServed
from bind_operator.policy.causes import occasion_of
from bind_operator.policy.facts import Failure, was_deployed
from bind_operator.policy.plan import Action
from bind_operator.policy.state import ReleaseState
from bind_operator.reasons import Reason
from bind_operator.reconcile.deletion import Deletion
from bind_operator.reconcile.drift import Drift
from bind_operator.reconcile.look import Look
from bind_operator.reconcile.ownership import Ownership
from bind_operator.reconcile.remediation import roll_back
from bind_operator.reconcile.told import Told
from bind_operator.release.chart import Chart
from bind_operator.release.helm import Helm


@dataclass
class Actions:
    """It runs Helm, and what else changes the cluster."""

    chart: Chart
    kube: Kube
    helm: Helm
    records: Records
    deletion: Deletion
    ownership: Ownership
    drift: Drift
    told: Told
    autoscalers: Autoscalers
    lost_kinds: LostKinds

    async def take(self, action: Action, look: Look, blocked: Failure | None) -> bool:
        """Take `action`; return whether the resource is gone by it. Raises OperatorError."""
        try:
            return await self._take(action, look, blocked)
        except HelmFailed as error:
            if not await self._forget_lost_kinds(action, look, error):
                raise
            return await self._take(action, look, blocked)

    async def _take(self, action: Action, look: Look, blocked: Failure | None) -> bool:
        match action:
            case Action.FINISH_DELETION:
                policy = look.raw.get("spec", {}).get("deletionPolicy", DeletionPolicy.RETAIN)
                owned = look.state is not ReleaseState.FOREIGN and not look.stands_back
                if look.stands_back:
                    await self.ownership.leave(look.key, look.raw, look.observed.revisions[0])
                return await self.deletion.finish(look.key, look.raw, look.observed, policy, owned=owned)
            case Action.UNINSTALL if look.deleting:
                return await self.deletion.uninstall(look.key, look.raw, look.observed, blocked)
            case Action.UNINSTALL:
                await self.deletion.uninstaller.step(look.key, look.observed)
            case Action.UNLOCK:
                revision = look.observed.revisions[0]
                await self.kube.unlock(look.key, revision)
                message = (
                    f"revision {revision.number} was {revision.status}; it is marked failed and tried again"
                )
                await self.kube.record_event(look.raw, Reason.UNLOCKED, message, warning=True)
            case Action.CORRECT if look.drift:
                await self.drift.correct(look.key, look.raw, look.observed, look.drift, time.monotonic())
            case Action.ROLL_BACK:
                number = look.observed.revisions[0].number + 1
                await roll_back(self.helm, self.kube, look.key, look.raw, number, look.secrets)
                self.told.note_revision(look.key, number)
            case Action.INSTALL | Action.UPGRADE:
                await self._release(action, look)
            case Action.RESTORE:
                await self._restore(look)
        return False

    async def _forget_lost_kinds(self, action: Action, look: Look, error: HelmFailed) -> bool:
        """Take what is gone with its kind out of Helm's records; return whether there was any."""
        kinds = error.lost if isinstance(error, KindNotServed) else ()
        if action is Action.UNINSTALL:
            # Helm says only that it failed.
            kinds = await self.lost_kinds.kinds_of(look.key, look.observed.revisions[0])
        lost = await self.lost_kinds.forget(look.key, kinds)
        if not lost:
            return False
        names = ", ".join(f"{kind} ({version})" for kind, version in lost)
        message = (
            f"the cluster no longer knows {names}, and what there was of it is gone; it was taken out of "
            "Helm's records, so that the release can be changed and removed"
        )
        await self.kube.record_event(look.raw, Reason.KIND_FORGOTTEN, message, warning=True)
        return True

    async def _release(self, action: Action, look: Look) -> None:
        values = look.values
        if values is None:
            raise AssertionError(look)
        latest = look.observed.revisions[0] if look.observed.revisions else None
        generation = look.raw["metadata"]["generation"]
        occasion = occasion_of(
            look.state, latest, self.chart.full_name, generation, has_new_values=look.has_new_values
        )
        if action is Action.INSTALL or latest is None:
            number = 1
            await self.helm.install(look.key, values, occasion)
            reason, what = Reason.INSTALLED, "installed as revision 1"
        else:
            if look.state is ReleaseState.TAKEN_OVER:
                await self.ownership.take_back(look.key, look.raw, latest, time.monotonic())
            number = latest.number + 1
            await self._keep_replicas(look)
            await self.helm.upgrade(look.key, values, number, occasion)
            reason, what = Reason.UPGRADED, f"upgraded to revision {number}, {occasion}"
            if not was_deployed(look.observed.revisions):
                reason = Reason.INSTALLED
                what = f"installed as revision {number}, {occasion}"
        if not await self.records.is_deployed(look.key, number):
            # Helm ends well also where the API server went before it could write its end down. The revision
            # is told of when it is seen.
            return
        self.told.note_revision(look.key, number)
        message = f"{self.chart.full_name} {what}"
        await self.kube.record_event(look.raw, reason, message, warning=False)
        for change in look.accepted:
            await self.kube.record_event(look.raw, Reason.CHANGE_ACCEPTED, change.breaks, warning=False)

    async def _keep_replicas(self, look: Look) -> None:
        """See to it that an autoscaler begins with the pods that are there."""
        inference = look.observed.inference
        if look.scaling is not None and inference is not None and inference.wanted > 1:
            await self.autoscalers.keep(look.key, inference.wanted)

    async def _restore(self, look: Look) -> None:
        number = look.observed.revisions[0].number
        await self.helm.rollback(look.key, number, look.secrets)
        self.told.note_revision(look.key, number + 1)
        message = f"revision {number + 1} is revision {number} again, because a workload of it was gone"
        await self.kube.record_event(look.raw, Reason.UPGRADED, message, warning=False)
