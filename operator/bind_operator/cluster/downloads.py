"""Inference pods that are not ready are asked how far their download of the weights is."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import aiohttp

from bind_operator.cluster.bounded import read_bounded
from bind_operator.policy.download import Download
from bind_operator.policy.facts import Component
from bind_operator.policy.names import INFERENCE_PORT
from bind_operator.policy.objects import Object, component_of, is_deleting

TIMEOUT_S = 1.0
MAX_BYTES = 65_536
MAX_PODS = 3
"""So many are asked: they all tell much the same."""


async def slowest_download(pods: Sequence[Object]) -> Download | None:
    """Return the download that has most to come; None if no pod tells of one.

    By the pods' addresses, since what is not ready is in no Service.
    """
    asked = {pod["metadata"]["name"]: pod["status"]["podIP"] for pod in pods if _is_on_its_way(pod)}
    if not asked:
        return None
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        names = list(asked)[:MAX_PODS]
        answers = await asyncio.gather(*(_ask(session, asked[name]) for name in names))
    downloads = [Download.of(name, answer) for name, answer in zip(names, answers, strict=True)]
    found = [download for download in downloads if download is not None]
    return min(found, key=lambda download: (download.percent or 0, download.pod), default=None)


def _is_on_its_way(pod: Object) -> bool:
    """Return whether an inference container of the pod runs and is not ready."""
    status = pod.get("status", {})
    running = [one for one in status.get("containerStatuses", []) if "running" in one.get("state", {})]
    waits = any(not one.get("ready") for one in running)
    is_going = is_deleting(pod)
    return component_of(pod) is Component.INFERENCE and waits and not is_going and bool(status.get("podIP"))


async def _ask(session: aiohttp.ClientSession, ip: str) -> Any:
    """Return what /meta of the server says; None if it says nothing of use in time."""
    host = f"[{ip}]" if ":" in ip else ip
    try:
        async with session.get(f"http://{host}:{INFERENCE_PORT}/meta", allow_redirects=False) as response:
            body = await read_bounded(response, MAX_BYTES)
            return None if body is None else json.loads(body)
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
        return None
