"""Autoscalers are read here, the gates' counts are fetched, and the last and the first pod are scaled."""

import asyncio
import contextlib
from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus

import aiohttp

from bind_operator.cluster.bounded import read_bounded
from bind_operator.cluster.client import KubeClient
from bind_operator.errors import ApiConflict
from bind_operator.policy.autoscaling import KEDA_GROUP, Counts, autoscaler_name, read_counts
from bind_operator.policy.facts import Component, Key
from bind_operator.policy.names import GATE_PORT, workload_name
from bind_operator.policy.objects import Object

MANAGER = "bind-operator"
"""The operator writes replicas under this name, as an autoscaler does under its own."""
MAX_BYTES = 1024 * 1024
TIMEOUT_S = 2.0


@dataclass
class Autoscalers:
    """It reads and writes for autoscaling. A call may raise ApiUnavailable, ApiConflict or ApiRefused."""

    client: KubeClient

    async def serves_keda(self) -> bool:
        """Return whether the API server knows ScaledObjects."""
        kinds = await self.client.read(f"/apis/{KEDA_GROUP}")
        return kinds is not None and any(kind["name"] == "scaledobjects" for kind in kinds["resources"])

    async def read(self, key: Key, *, is_keda: bool) -> Object | None:
        """Return the autoscaler of the inference pods, None if it is not there yet."""
        group, plural = (
            (KEDA_GROUP, "scaledobjects") if is_keda else ("autoscaling/v2", "horizontalpodautoscalers")
        )
        path = f"/apis/{group}/namespaces/{key.namespace}/{plural}/{autoscaler_name(key.name)}"
        return await self.client.read(path)

    async def scale(self, key: Key, before: int, after: int) -> None:
        """Set the number of inference pods. Raises ApiRefused where somebody set another one meanwhile."""
        name = workload_name(key.name, Component.INFERENCE)
        operations = [
            {"op": "test", "path": "/spec/replicas", "value": before},
            {"op": "replace", "path": "/spec/replicas", "value": after},
        ]
        path = f"/apis/apps/v1/namespaces/{key.namespace}/deployments/{name}"
        await self.client.edit(path, operations, manager=MANAGER)

    async def keep(self, key: Key, replicas: int) -> None:
        """Hold the number of inference pods while Helm gives it up: the API server would fill in 1.

        It does nothing where somebody else has set another number meanwhile.
        """
        name = workload_name(key.name, Component.INFERENCE)
        metadata = {"name": name, "namespace": key.namespace}
        body = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata}
        path = f"/apis/apps/v1/namespaces/{key.namespace}/deployments/{name}"
        with contextlib.suppress(ApiConflict):
            await self.client.apply(
                path, {**body, "spec": {"replicas": replicas}}, manager=MANAGER, force=False
            )


async def count_at(session: aiohttp.ClientSession, gates: Iterable[str]) -> Counts | None:
    """Return what the gates at these addresses have counted together; None if one of them does not tell."""
    found = await asyncio.gather(*(_count(session, address) for address in gates))
    total = Counts(0, 0)
    for counts in found:
        if counts is None:
            return None
        total += counts
    return total


async def _count(session: aiohttp.ClientSession, address: str) -> Counts | None:
    host = f"[{address}]" if ":" in address else address
    try:
        async with session.get(f"http://{host}:{GATE_PORT}/metrics", allow_redirects=False) as response:
            body = await read_bounded(response, MAX_BYTES)
            if response.status != HTTPStatus.OK or body is None:
                return None
            return read_counts(body.decode("utf-8", "replace"))
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
        return None
