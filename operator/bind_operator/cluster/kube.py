"""The operator reads all this from the cluster, and writes a few things there itself."""

import asyncio
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from bind_operator.api.identity import FINALIZER, GROUP, PLURAL, VERSION
from bind_operator.api.status import BindVectorizerStatus
from bind_operator.cluster.client import KubeClient
from bind_operator.cluster.events import EventLog
from bind_operator.errors import ApiRefused
from bind_operator.policy.diagnosis import diagnose, needs_events
from bind_operator.policy.facts import Component, Key, Problem, Revision, Workload
from bind_operator.policy.merge_patch import merge_patch
from bind_operator.policy.names import workload_name
from bind_operator.policy.objects import (
    COMPONENT_LABEL,
    Object,
    instance_selector,
    is_deleting,
    newest_template,
    read_workload,
)
from bind_operator.policy.retention_runs import is_of_retention
from bind_operator.policy.shape import MANAGED, Shape, deployed_shape
from bind_operator.policy.watching import RESOURCES
from bind_operator.reasons import Reason
from bind_operator.release.storage import (
    HelmDriver,
    mark_failed,
    read_revisions,
    record_name,
    release_selector,
    to_config_map,
)

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Observed:
    """It holds what belongs to one resource, as it was read."""

    revisions: tuple[Revision, ...]
    weaviate: Workload | None
    inference: Workload | None
    problem: Problem | None
    pods: tuple[Object, ...]
    claims: tuple[Object, ...]
    stateful_set: Object | None = None
    """Weaviate's, as it was read."""
    deployment: Object | None = None
    """The inference servers', as it was read."""
    gate: Workload | None = None
    """The gate, where it is a workload of its own."""
    gate_deployment: Object | None = None
    """The gate's, as it was read."""
    retention_pods: tuple[Object, ...] = ()
    """Pods that remove old backups: they come and go, and no workload is judged by them."""

    def workloads(self, shape: Shape = MANAGED) -> tuple[Workload | None, ...]:
        """Return the workloads of a release of that shape, None for one that is not there."""
        found = {
            Component.WEAVIATE: self.weaviate,
            Component.INFERENCE: self.inference,
            Component.GATE: self.gate,
        }
        return tuple(found[component] for component in shape)


class Kube:
    """It reads and writes for the reconciler. A call may raise ApiUnavailable, ApiConflict or ApiRefused."""

    def __init__(self, client: KubeClient, driver: HelmDriver = HelmDriver.CONFIG_MAP) -> None:
        self._client = client
        self._driver = driver
        self.clock = client.clock
        self.events = EventLog(client)

    async def read_resource(self, key: Key) -> Object | None:
        """Return the resource as it is now, or None."""
        return await self._client.read(_resource_path(key))

    async def is_served(self) -> bool:
        """Return whether the API server knows the resource."""
        kinds = await self._client.read(f"/apis/{GROUP}/{VERSION}")
        return kinds is not None and any(kind["name"] == PLURAL for kind in kinds["resources"])

    async def list_keys(self, namespace: str) -> list[Key]:
        """Return all resources in `namespace`, or in all where it is empty."""
        items = await self._client.items(RESOURCES.path(namespace), metadata_only=True)
        return [_key(item["metadata"]) for item in items]

    async def observe(self, key: Key, *, migrates: bool = True) -> Observed:
        """Return what belongs to `key`. Events are read only where pods are not ready.

        migrates: whether the release is the operator's, whose records move where the setting says so.

        ReplicaSets are read only while the Deployment rolls out, and the gate's Deployment only where the
        latest revision has one.
        """
        core, apps = f"/api/v1/namespaces/{key.namespace}", f"/apis/apps/v1/namespaces/{key.namespace}"
        selector = instance_selector(key.name)
        if migrates and self._driver is HelmDriver.MIGRATE:
            await self._migrate_records(key)
        records, pods, claims, stateful_set, deployment = await asyncio.gather(
            self._client.items(
                f"{core}/{self._driver.resource}", labels=release_selector(key.name), metadata_only=True
            ),
            self._client.items(f"{core}/pods", labels=selector),
            self._client.items(f"{core}/persistentvolumeclaims", labels=selector),
            self._client.read(f"{apps}/statefulsets/{workload_name(key.name, Component.WEAVIATE)}"),
            self._client.read(f"{apps}/deployments/{workload_name(key.name, Component.INFERENCE)}"),
        )
        retention_pods = tuple(pod for pod in pods if is_of_retention(pod))
        pods = [pod for pod in pods if not is_of_retention(pod)]
        weaviate = read_workload(stateful_set, self._driver.mark) if stateful_set else None
        inference = read_workload(deployment, self._driver.mark) if deployment else None
        revisions = read_revisions(records)
        gate_deployment = None
        if Component.GATE in deployed_shape(revisions):
            gate_deployment = await self._client.read(
                f"{apps}/deployments/{workload_name(key.name, Component.GATE)}"
            )
        gate = read_workload(gate_deployment, self._driver.mark) if gate_deployment else None
        workloads = [workload for workload in (weaviate, inference, gate) if workload]
        events = await self._events(key, needs_events(pods, claims, workloads))
        template = None
        if inference and not inference.is_current:
            own = f"{selector},{COMPONENT_LABEL}={Component.INFERENCE}"
            replica_sets = await self._client.items(f"{apps}/replicasets", labels=own, metadata_only=True)
            template = newest_template(replica_sets)
        problem = diagnose(pods, claims, events, workloads, template)
        return Observed(
            revisions,
            weaviate,
            inference,
            problem,
            tuple(pods),
            tuple(claims),
            stateful_set,
            deployment,
            gate,
            gate_deployment,
            retention_pods,
        )

    async def _events(self, key: Key, uids: Iterable[str]) -> list[Object]:
        lists = await asyncio.gather(*(self.events.about(key.namespace, uid) for uid in uids))
        return [event for events in lists for event in events]

    async def service_address(self, key: Key, service: str) -> str | None:
        """Return `ip:port` of the first port of a Service, or None if it has no address."""
        found = await self._client.read(f"/api/v1/namespaces/{key.namespace}/services/{service}")
        address = (found or {}).get("spec", {}).get("clusterIP")
        if not found or address in (None, "", "None"):
            return None
        port = found["spec"]["ports"][0]["port"]
        return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"

    async def is_terminating(self, namespace: str) -> bool:
        """Return whether the namespace is being deleted; False where that may not be asked."""
        try:
            found = await self._client.read(f"/api/v1/namespaces/{namespace}")
        except ApiRefused:
            return False
        return found is None or is_deleting(found)

    async def apply_finalizer(self, resource: Object, *, present: bool) -> None:
        """Add or remove the operator's finalizer. Raises ApiConflict if the resource changed meanwhile."""
        metadata = resource["metadata"]
        others = [name for name in metadata.get("finalizers", []) if name != FINALIZER]
        finalizers = [*others, FINALIZER] if present else others
        # The version makes it a compare-and-swap: a merge patch replaces the list of all finalizers.
        patch = {"metadata": {"finalizers": finalizers, "resourceVersion": metadata["resourceVersion"]}}
        await self._client.patch(_resource_path(_key(metadata)), patch)

    async def apply_status(self, resource: Object, status: BindVectorizerStatus) -> bool:
        """Write what differs from the resource's status; return whether anything did."""
        before = resource.get("status", {})
        after = status.model_dump(mode="json", by_alias=True, exclude_none=True)
        changes = merge_patch(before, after)
        if not changes:
            return False
        await self._client.patch(f"{_resource_path(_key(resource['metadata']))}/status", {"status": changes})
        return True

    async def unlock(self, key: Key, revision: Revision) -> None:
        """Mark an interrupted revision as failed."""
        records = f"/api/v1/namespaces/{key.namespace}/{self._driver.resource}"
        path = f"{records}/{record_name(key.name, revision.number)}"
        record = await self._client.read(path)
        if record is not None:
            await self._client.replace(path, mark_failed(record, self.clock.now(), self._driver))

    async def _migrate_records(self, key: Key) -> None:
        """Move Helm's records from Secrets to ConfigMaps; one that is there already stays as it is.

        The oldest first, and each Secret goes only when its ConfigMap is there, so it can be interrupted.
        """
        core = f"/api/v1/namespaces/{key.namespace}"
        secrets = await self._client.items(f"{core}/secrets", labels=release_selector(key.name))
        for secret in sorted(secrets, key=lambda secret: int(secret["metadata"]["labels"]["version"])):
            name = secret["metadata"]["name"]
            if await self._client.read(f"{core}/configmaps/{name}") is None:
                await self._client.create(f"{core}/configmaps", to_config_map(secret))
            await self._client.delete(f"{core}/secrets/{name}")
            logger.info("record moved to a ConfigMap", extra={"namespace": key.namespace, "record": name})

    async def delete_claims(self, key: Key, claims: Iterable[Object]) -> None:
        """Delete these very volume claims, but for those that are being deleted already."""
        path = f"/api/v1/namespaces/{key.namespace}/persistentvolumeclaims"
        kept = [claim["metadata"] for claim in claims if not is_deleting(claim)]
        await asyncio.gather(
            *(
                self._client.delete(f"{path}/{one['name']}", {"preconditions": {"uid": one["uid"]}})
                for one in kept
            )
        )

    async def record_event(self, resource: Object, reason: Reason, message: str, *, warning: bool) -> None:
        """Record an event at the resource, now or, where the API server is not to be had, later."""
        await self.events.record(resource, reason, message, warning=warning)


def _key(metadata: Mapping[str, Any]) -> Key:
    return Key(metadata["namespace"], metadata["name"])


def _resource_path(key: Key) -> str:
    return f"/apis/{GROUP}/{VERSION}/namespaces/{key.namespace}/{PLURAL}/{key.name}"
