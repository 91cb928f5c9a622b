"""Drift detection compares a release's objects with what the release made, and puts them back."""

import json
from collections.abc import Hashable
from dataclasses import dataclass, field

from bind_operator.api.drift import DriftDetection, DriftMode
from bind_operator.api.status import BindVectorizerStatus, ConditionType
from bind_operator.cluster.kube import Kube, Observed
from bind_operator.cluster.objects import Objects
from bind_operator.cluster.records import Records
from bind_operator.errors import ApiConflict
from bind_operator.metrics import DRIFT_CORRECTIONS
from bind_operator.policy.brake import Brake
from bind_operator.policy.drift import (
    ONLY_PRESENCE,
    PLURALS,
    REPLICAS,
    WORKLOADS,
    Correction,
    Difference,
    Finding,
    Ref,
    Report,
    describe_corrections,
    desired_object,
    judge_drift,
    missing,
)
from bind_operator.policy.facts import Key, Revision
from bind_operator.policy.fields import describe_path
from bind_operator.policy.objects import Object, is_deleting
from bind_operator.reasons import Reason

MAX_CORRECTED = 5
CORRECTED_WINDOW_S = 600.0


@dataclass
class _Known:
    """It remembers what was found at the objects of one revision, so that only changed ones are compared."""

    revision: tuple[int, str]
    refs: tuple[Ref, ...]
    findings: dict[Ref, tuple[Hashable, Finding]] = field(default_factory=dict)


@dataclass
class Drift:
    """It looks at one release at a time."""

    kube: Kube
    objects: Objects
    records: Records
    brake: Brake
    _known: dict[Key, _Known] = field(default_factory=dict)

    async def look(
        self, key: Key, detection: DriftDetection, observed: Observed, now: float
    ) -> Report | None:
        """Return what is not as the deployed revision made it; None if its record cannot be read.

        now: monotonic seconds. Raises ApiUnavailable, or ApiConflict if an object changes meanwhile.
        """
        revision = observed.revisions[0]
        known = await self._know(key, revision)
        if known is None:
            return None
        refs = known.refs
        if detection.mode is DriftMode.DISABLED:
            refs = tuple(ref for ref in refs if ref.kind in WORKLOADS)
        found = await self.objects.read(key, refs, observed)
        findings = [await self._find(key, revision, known, ref, found[ref], detection) for ref in refs]
        scaled = await self._scaled(key, findings)

        def is_contested(ref: Ref, difference: Difference) -> bool:
            return self.brake.holds(key, _what(ref, difference), now)

        return judge_drift(findings, detection, scaled.__contains__, is_contested)

    async def correct(self, key: Key, raw: Object, observed: Observed, report: Report, now: float) -> None:
        """Put back what `report` says, and tell it. Raises ApiUnavailable, ApiConflict or ApiRefused."""
        revision = observed.revisions[0]
        if not await self.records.is_latest(key, revision):
            # Else somebody else's upgrade that has just begun would be taken for drift.
            raise ApiConflict(f"release {key.name} has another revision than the one that was compared")
        for correction in report.corrections:
            wanted = await self._desired(key, revision, correction.finding.ref)
            if wanted is not None:
                await self.objects.correct(key, correction, wanted)
                # Only what was written: a webhook that refuses it is nobody who writes it again.
                self._count(key, correction, now)
                DRIFT_CORRECTIONS.labels(kind=correction.finding.ref.kind).inc()
        message = f"put back: {describe_corrections(report.corrections)}"
        await self.kube.record_event(raw, Reason.DRIFT_CORRECTED, message, warning=False)

    async def tell(self, raw: Object, report: Report | None, status: BindVectorizerStatus) -> None:
        """Record an event if something drifted that is only told, and that the status of `raw` lacks."""
        lines = (*report.told, *report.contested) if report else ()
        before = raw.get("status", {}).get("conditions", [])
        told = next((one["message"] for one in before if one["type"] == ConditionType.DRIFTED), "")
        if any(line not in told for line in lines):
            now = next(one for one in status.conditions if one.type == ConditionType.DRIFTED)
            await self.kube.record_event(raw, Reason(now.reason), now.message, warning=True)

    def requeue_s(self, key: Key, now: float) -> float:
        """Return after how many seconds what was left alone is put back again; infinity for nothing."""
        wait_s = self.brake.wait_s(key, now)
        return float("inf") if wait_s is None else wait_s

    def forget(self, key: Key) -> None:
        """Forget a resource that is gone."""
        self._known.pop(key, None)
        self.brake.forget(key)

    async def _know(self, key: Key, revision: Revision) -> _Known | None:
        place = (revision.number, revision.uid)
        known = self._known.get(key)
        if known is None or known.revision != place:
            record = await self.records.read(key, revision)
            if record is None:
                return None
            refs = (Ref(item["kind"], item["metadata"]["name"]) for item in record.objects)
            known = _Known(place, tuple(ref for ref in refs if ref.kind in PLURALS))
            self._known[key] = known
        return known

    async def _find(
        self,
        key: Key,
        revision: Revision,
        known: _Known,
        ref: Ref,
        found: Object | Finding | None,
        detection: DriftDetection,
    ) -> Finding:
        if found is None:
            return missing(ref)
        if isinstance(found, Finding):
            return found
        is_going = is_deleting(found)
        if is_going or ref.kind in ONLY_PRESENCE or detection.mode is DriftMode.DISABLED:
            return Finding(ref)
        mark, before = _mark(found), known.findings.get(ref)
        if before is not None and before[0] == mark:
            return before[1]
        wanted = await self._desired(key, revision, ref)
        finding = Finding(ref) if wanted is None else await self.objects.compare(key, ref, found, wanted)
        known.findings[ref] = (mark, finding)
        return finding

    async def _desired(self, key: Key, revision: Revision, ref: Ref) -> Object | None:
        record = await self.records.read(key, revision)
        for item in record.objects if record else ():
            if (item["kind"], item["metadata"]["name"]) == (ref.kind, ref.name):
                return desired_object(item, key)
        return None

    async def _scaled(self, key: Key, findings: list[Finding]) -> frozenset[Ref]:
        """Return the workloads that an autoscaler has; that is asked only where replicas differ."""
        differ = any(one.path == REPLICAS for finding in findings for one in finding.differences)
        return await self.objects.scaled(key) if differ else frozenset()

    def _count(self, key: Key, correction: Correction, now: float) -> None:
        for difference in correction.differences:
            self.brake.record(key, _what(correction.finding.ref, difference), now)


def build_drift(kube: Kube, objects: Objects, records: Records) -> Drift:
    """Return one that puts the same field back five times in ten minutes at most."""
    return Drift(kube, objects, records, Brake(MAX_CORRECTED, CORRECTED_WINDOW_S))


def _what(ref: Ref, difference: Difference) -> Hashable:
    return ref, describe_path(difference.path)


def _mark(item: Object) -> Hashable:
    """Return what changes when an object does, but not with the status of a workload."""
    metadata = item["metadata"]
    version = metadata.get("generation") or metadata["resourceVersion"]
    texts = json.dumps([metadata.get("labels"), metadata.get("annotations")], sort_keys=True)
    return metadata["uid"], version, texts
