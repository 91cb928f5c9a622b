"""The objects of a release are read here, compared by the API server, and put back."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bind_operator.cluster.client import KubeClient
from bind_operator.cluster.kube import Observed
from bind_operator.errors import ApiRefused
from bind_operator.policy.drift import (
    DEFINED,
    PLURALS,
    Correction,
    Finding,
    Ref,
    build_body,
    build_removal,
    compare,
    without_defaults,
)
from bind_operator.policy.facts import Key
from bind_operator.policy.fields import is_covered
from bind_operator.policy.objects import RELEASE_ANNOTATION, Object, instance_selector

OBSERVED = ("Deployment", "StatefulSet", "PersistentVolumeClaim")
"""Objects of these kinds are read at every look in any case."""


@dataclass
class Objects:
    """It reads and writes objects of releases. A call may raise ApiUnavailable, ApiConflict or ApiRefused."""

    client: KubeClient

    async def read(
        self, key: Key, refs: Iterable[Ref], observed: Observed
    ) -> dict[Ref, Object | Finding | None]:
        """Return the objects that `refs` name: None for one that is not there.

        A finding says why an object cannot be read.
        """
        wanted = list(refs)
        found: dict[Ref, Object | Finding | None] = {
            Ref(kind, item["metadata"]["name"]): item for kind, item in _observed(observed)
        }
        kinds = sorted({ref.kind for ref in wanted} - set(OBSERVED))
        lists = await asyncio.gather(*(self._list(key, kind) for kind in kinds))
        refused = dict(zip(kinds, lists, strict=True))
        for kind, items in refused.items():
            if not isinstance(items, str):
                found |= {Ref(kind, item["metadata"]["name"]): item for item in items}
        for ref in wanted:
            why = refused.get(ref.kind)
            if isinstance(why, str):
                found[ref] = Finding(ref, unknown=why)
            elif ref not in found:
                # One that lost its labels is in no list.
                found[ref] = await self.client.read(_path(key, ref))
                if found[ref] is None and not await self._is_known(key, ref.kind):
                    found[ref] = Finding(ref, unknown="the cluster does not know its kind")
        return {ref: found[ref] for ref in wanted}

    async def _is_known(self, key: Key, kind: str) -> bool:
        """Return whether the API server knows a kind: else there is not even a list. Its discovery lags."""
        return kind not in DEFINED or await self.client.read(_list_path(key, kind)) is not None

    async def _list(self, key: Key, kind: str) -> list[Object] | str:
        try:
            items = await self.client.items(_list_path(key, kind), labels=instance_selector(key.name))
        except ApiRefused as error:
            return str(error)
        # Items of a list come without them.
        return [{"apiVersion": PLURALS[kind][0], "kind": kind, **item} for item in items]

    async def compare(self, key: Key, ref: Ref, live: Object, wanted: Object) -> Finding:
        """Return what differs between an object and what the release makes of it.

        The API server is asked only where that is not plain: its answer has gone through defaulting and
        mutating webhooks, as the object has. Raises ApiConflict if the object changes meanwhile.
        """
        owner = live["metadata"].get("annotations", {}).get(RELEASE_ANNOTATION, key.name)
        if owner != key.name:
            return Finding(ref, unknown=f"it belongs to release {owner}")
        try:
            answer = None
            if not is_covered(wanted, live):
                version = {"resourceVersion": live["metadata"]["resourceVersion"]}
                body = {**wanted, "metadata": {**wanted["metadata"], **version}}
                answer = await self.client.apply(_path(key, ref), body, dry_run=True)
            finding = compare(ref, live, wanted, answer)
            removal = build_removal(live, finding.differences)
            if not removal:
                return finding
            answer = await self.client.edit(_path(key, ref), removal, dry_run=True)
            return without_defaults(finding, answer or {})
        except ApiRefused as error:
            return Finding(ref, unknown=str(error))

    async def correct(self, key: Key, correction: Correction, wanted: Object) -> None:
        """Put one object back."""
        path, live = _path(key, correction.finding.ref), correction.finding.live
        removal = build_removal(live, correction.differences) if live else []
        if removal:
            await self.client.edit(path, removal)
        if not all(difference.is_added for difference in correction.differences):
            await self.client.apply(path, build_body(correction, wanted))

    async def delete(self, key: Key, ref: Ref, live: Object) -> None:
        """Delete this very object, and what it owns after it."""
        options = {"preconditions": {"uid": live["metadata"]["uid"]}, "propagationPolicy": "Background"}
        await self.client.delete(_path(key, ref), options)

    async def scaled(self, key: Key) -> frozenset[Ref]:
        """Return the workloads whose replicas an autoscaler has, as far as the operator may know."""
        try:
            items = await self.client.items(_list_path(key, "HorizontalPodAutoscaler"))
        except ApiRefused:
            return frozenset()
        targets: Iterable[Mapping[str, str]] = (item["spec"]["scaleTargetRef"] for item in items)
        return frozenset(Ref(target["kind"], target["name"]) for target in targets)


def _observed(observed: Observed) -> Iterable[tuple[str, Object]]:
    if observed.stateful_set:
        yield "StatefulSet", observed.stateful_set
    for deployment in (observed.deployment, observed.gate_deployment):
        if deployment:
            yield "Deployment", deployment
    for claim in observed.claims:
        yield "PersistentVolumeClaim", claim


def _list_path(key: Key, kind: str) -> str:
    version, plural = PLURALS[kind]
    return f"/{'apis' if '/' in version else 'api'}/{version}/namespaces/{key.namespace}/{plural}"


def _path(key: Key, ref: Ref) -> str:
    return f"{_list_path(key, ref.kind)}/{ref.name}"
