"""A release is taken out of the cluster whole: also what Helm leaves behind and calls a success."""

import asyncio
import logging
from dataclasses import dataclass

from bind_operator.cluster.kube import Observed
from bind_operator.cluster.objects import Objects
from bind_operator.cluster.records import Records
from bind_operator.policy.drift import PLURALS, Finding, Ref
from bind_operator.policy.facts import Key, Revision
from bind_operator.policy.objects import RELEASE_ANNOTATION, Object, is_deleting, is_kept_by_helm
from bind_operator.policy.state import UNINSTALLED
from bind_operator.release.helm import Helm

logger = logging.getLogger(__name__)


@dataclass
class Uninstaller:
    """It takes one step at a time; an operator that is killed between two leaves the record to the next.

    Helm 4 skips an object that it cannot read just then (a 503, a time-out), ends with 0 and removes the
    record, which alone names that object. So the record is kept until none of its objects is left.
    """

    helm: Helm
    objects: Objects
    records: Records

    async def step(self, key: Key, observed: Observed) -> None:
        """Take the next step. Raises HelmFailed, HelmTimedOut, ApiUnavailable or ApiConflict."""
        latest = observed.revisions[0]
        if latest.status != UNINSTALLED:
            await self.helm.uninstall(key)
            return
        left = await self._left_behind(key, latest, observed)
        if not left:
            await self.helm.purge(key)
            return
        names = [str(ref) for ref in left]
        logger.info("left by helm and deleted", extra={"bindvectorizer": str(key), "objects": names})
        await asyncio.gather(*(self.objects.delete(key, ref, live) for ref, live in left.items()))

    async def _left_behind(self, key: Key, revision: Revision, observed: Observed) -> dict[Ref, Object]:
        """Return the objects of the release that are there and that nobody has deleted yet."""
        record = await self.records.read(key, revision)
        items = [item for item in record.objects if not is_kept_by_helm(item)] if record else []
        refs = [Ref(item["kind"], item["metadata"]["name"]) for item in items if item["kind"] in PLURALS]
        found = await self.objects.read(key, refs, observed)
        return {
            ref: live
            for ref, live in found.items()
            if live is not None
            and not isinstance(live, Finding)
            and not is_deleting(live)
            and live["metadata"].get("annotations", {}).get(RELEASE_ANNOTATION) == key.name
        }
