"""The operator marks, grows and deletes volume claims, and replaces a StatefulSet around its pods."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

from bind_operator.cluster.client import KubeClient
from bind_operator.policy.facts import Component, Key
from bind_operator.policy.names import workload_name
from bind_operator.policy.objects import Object


class Volumes:
    """It reads and writes claims and their StatefulSet. A call may raise ApiUnavailable or ApiRefused."""

    def __init__(self, client: KubeClient) -> None:
        self._client = client

    async def read_claims(self, key: Key, names: Iterable[str]) -> dict[str, Object]:
        """Return those of the claims that are there, by name; one need not bear the labels of a release."""
        wanted = list(names)
        found = await asyncio.gather(*(self._client.read(_claim_path(key, name)) for name in wanted))
        return {name: claim for name, claim in zip(wanted, found, strict=True) if claim is not None}

    async def mark_claim(
        self, key: Key, name: str, *, annotations: Mapping[str, str], labels: Mapping[str, str] | None = None
    ) -> None:
        """Write annotations and labels onto a claim."""
        metadata: dict[str, Any] = {"annotations": dict(annotations)}
        if labels:
            metadata["labels"] = dict(labels)
        await self._client.patch(_claim_path(key, name), {"metadata": metadata})

    async def grow_claim(self, key: Key, name: str, size: str) -> None:
        """Ask for a larger volume. Raises ApiRefused in the API server's words if the class cannot."""
        resources = {"resources": {"requests": {"storage": size}}}
        await self._client.patch(_claim_path(key, name), {"spec": resources})

    async def keep_claims(self, key: Key) -> None:
        """Let the claims outlive the StatefulSet; its controller then takes their owner off them."""
        policy = {"persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Retain"}}
        await self._client.patch(_stateful_set_path(key), {"spec": policy})

    async def release_pods(self, key: Key, stateful_set: Object) -> None:
        """Delete this very StatefulSet and leave its pods; the next one of the name takes them over."""
        uid = stateful_set["metadata"]["uid"]
        options = {"propagationPolicy": "Orphan", "preconditions": {"uid": uid}}
        await self._client.delete(_stateful_set_path(key), options)


def _claim_path(key: Key, name: str) -> str:
    return f"/api/v1/namespaces/{key.namespace}/persistentvolumeclaims/{name}"


def _stateful_set_path(key: Key) -> str:
    name = workload_name(key.name, Component.WEAVIATE)
    return f"/apis/apps/v1/namespaces/{key.namespace}/statefulsets/{name}"
