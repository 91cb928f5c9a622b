"""The live check asks whether Weaviate shows the module and every inference pod answers with its model."""

import asyncio
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import aiohttp

from bind_operator.api.spec import DIMENSIONS, ModelName
from bind_operator.policy.facts import Component, Key, Verification
from bind_operator.policy.names import INFERENCE_PORT, MODULE
from bind_operator.policy.objects import Object, component_of
from bind_operator.reasons import Reason

MAX_SILENT = 3
"""After so many checks in a row without an answer, a verified system no longer counts as verified."""

Fingerprint = tuple[str, ...]


@dataclass(frozen=True)
class Target:
    """It says whom to ask and what to expect."""

    weaviate: str
    """`host:port` of Weaviate's REST API."""
    inference: Sequence[str]
    """`host:port` of each inference pod."""
    model: ModelName | None
    """This model must answer; None for upstream's image, whose metadata has another form."""


@dataclass
class _Record:
    fingerprint: Fingerprint
    checked_at: float
    verification: Verification
    silent: int = 0


@dataclass
class Verifier:
    """Runs the check when the pods are new or the last one is old, and remembers its result."""

    timeout_s: float
    interval_s: float
    _records: dict[Key, _Record] = field(default_factory=dict)

    def remembered(self, key: Key, fingerprint: Fingerprint, now: float) -> Verification | None:
        """Return the result for the same pods if it is final and young enough, else None."""
        record = self._records.get(key)
        if record is None or record.fingerprint != fingerprint or record.silent:
            return None
        is_young = now - record.checked_at < self.interval_s and record.verification.holds is True
        return record.verification if is_young else None

    async def verify(self, key: Key, fingerprint: Fingerprint, target: Target, now: float) -> Verification:
        """Ask all of `target` and return the result. `now` is any clock's seconds."""
        found = await check(target, self.timeout_s)
        before = self._records.get(key)
        known = before is not None and before.fingerprint == fingerprint and before.verification.holds is True
        if known and before and found.holds is None and found.blocks and before.silent + 1 < MAX_SILENT:
            before.silent += 1
            return before.verification
        self._records[key] = _Record(fingerprint, now, found)
        return found

    def forget(self, key: Key) -> None:
        """Forget a resource that is gone."""
        self._records.pop(key, None)


def fingerprint_of(digest: str, pods: Sequence[Object]) -> Fingerprint:
    """Return what a check's result holds for: these containers of this release."""
    statuses = [status for pod in pods for status in pod.get("status", {}).get("containerStatuses", [])]
    return (digest, *sorted(str(status.get("containerID", "")) for status in statuses))


def inference_addresses(pods: Sequence[Object]) -> list[str]:
    """Return `ip:port` of the inference pods that are ready."""
    statuses = [pod.get("status", {}) for pod in pods if component_of(pod) is Component.INFERENCE]
    addresses = [status["podIP"] for status in statuses if status.get("podIP") and _is_ready(status)]
    return [f"[{ip}]:{INFERENCE_PORT}" if ":" in ip else f"{ip}:{INFERENCE_PORT}" for ip in addresses]


def _is_ready(status: Mapping[str, Any]) -> bool:
    conditions = status.get("conditions", [])
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


async def check(target: Target, timeout_s: float) -> Verification:
    """Return the result of asking `target` once, each request within `timeout_s`."""
    timeout = aiohttp.ClientTimeout(total=timeout_s)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        checks = [_check_inference(session, address, target.model) for address in target.inference]
        results = await asyncio.gather(_check_weaviate(session, target.weaviate), *checks)
    faults = [result for result in results if result is not None]
    if faults:
        return min(faults, key=lambda fault: fault.holds is not False)
    if not target.inference:
        return Verification(
            None, Reason.NO_INFERENCE_PODS, "Weaviate has the module; no pod to ask", blocks=False
        )
    return Verification(True, Reason.VERIFIED, _success(target))


def _success(target: Target) -> str:
    if target.model is None:
        return f"Weaviate shows {MODULE}, and the inference server answers"
    return (
        f"Weaviate shows {MODULE}, and the inference server answers with {target.model} "
        f"({DIMENSIONS[target.model]} dimensions)"
    )


async def _check_weaviate(session: aiohttp.ClientSession, address: str) -> Verification | None:
    """Return what is wrong with Weaviate, or None."""
    status, meta = await _get_json(session, f"http://{address}/v1/meta")
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        message = "Weaviate asks for credentials, so its metadata cannot be checked"
        return Verification(None, Reason.AUTHENTICATION_REQUIRED, message, blocks=False)
    if not isinstance(meta, dict):
        return _unanswered(f"Weaviate's /v1/meta: {meta}")
    if MODULE not in (meta.get("modules") or {}):
        message = f"Weaviate's /v1/meta does not show the module {MODULE}"
        return Verification(False, Reason.VERIFICATION_FAILED, message)
    return None


async def _check_inference(
    session: aiohttp.ClientSession, address: str, model: ModelName | None
) -> Verification | None:
    """Return what is wrong with one inference pod, or None."""
    _, meta = await _get_json(session, f"http://{address}/meta")
    if not isinstance(meta, dict):
        return _unanswered(f"the inference server's /meta at {address}: {meta}")
    if model is None:
        return None
    expected = (str(model), DIMENSIONS[model])
    found = (meta.get("model"), meta.get("dimension"))
    if found != expected:
        message = (
            f"the inference server at {address} answers with {found[0]} of {found[1]} dimensions, not {model}"
        )
        return Verification(False, Reason.VERIFICATION_FAILED, message)
    return None


def _unanswered(message: str) -> Verification:
    return Verification(None, Reason.VERIFYING, f"not verified yet: {message}")


async def _get_json(session: aiohttp.ClientSession, url: str) -> tuple[int, Any]:
    """Return the status and the parsed body; a text that says why instead of the body where there is none."""
    try:
        async with session.get(url) as response:
            return response.status, json.loads(await response.text())
    except TimeoutError:
        return 0, "no answer in time"
    except aiohttp.ClientConnectorError as error:
        number = error.os_error.errno
        return 0, os.strerror(number).lower() if number else "cannot connect"
    except (aiohttp.ClientError, OSError, ValueError) as error:
        return 0, str(error) or type(error).__name__
