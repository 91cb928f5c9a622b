"""A Weaviate that somebody else runs is told what to set, and its answer says whether it has been set."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from bind_operator.api.status import WeaviateSettings
from bind_operator.policy.answers import (
    Answer,
    asks_credentials,
    failed,
    fault_of,
    quote,
    told_status,
    unanswered,
)
from bind_operator.policy.facts import Key, Verification
from bind_operator.policy.names import GATE_HEALTH, MODULE, gate_address
from bind_operator.reasons import Reason

OLDEST = (1, 21)
"""The first version of Weaviate that has the module."""
MARGIN_S = 5
"""Weaviate waits for its module so much longer than the gate holds a request, so that the gate says why."""
GATE_KEY = "gate"
"""The server shows under it, in its metadata, which gate has asked for them."""
_VERSION = re.compile(r"(\d+)\.(\d+)")


@dataclass(frozen=True)
class ExternalTarget:
    """It is the Weaviate that a resource names, and what has to be set in it."""

    url: str
    key: str
    """It names the Secret and its entry that hold the API key, empty where there is none."""
    settings: str
    """The variables that have to be set, in words."""


def weaviate_settings(key: Key, hold_s: int | None = None) -> WeaviateSettings:
    """Return what has to be set in the external Weaviate of resource `key`.

    hold_s: so long the gate holds a request for the first inference pod; None where there always is one.
    """
    address = gate_address(key.name, key.namespace)
    lines = ["modules:", f"  {MODULE}:", "    enabled: false", f"    inferenceUrl: {address}", ""]
    env = {"ENABLE_MODULES": MODULE, "BIND_INFERENCE_API": address}
    if hold_s is not None:
        env["MODULES_CLIENT_TIMEOUT"] = f"{hold_s + MARGIN_S}s"
        lines = ["env:", f"  MODULES_CLIENT_TIMEOUT: {hold_s + MARGIN_S}s", *lines]
    return WeaviateSettings(env=env, helm_values="\n".join(lines))


def settings_in_words(key: Key) -> str:
    """Return the same in words, for a message."""
    return (
        f"ENABLE_MODULES has to hold {MODULE}, and BIND_INFERENCE_API={gate_address(key.name, key.namespace)}"
    )


def judge_external(
    answer: Answer, gate_meta: Mapping[str, Any] | None, target: ExternalTarget, operator: str
) -> tuple[Verification | None, Mapping[str, Any] | None]:
    """Return what is wrong with the answer of an external Weaviate, or None, and what its module shows.

    answer: to what the gate was asked to fetch. gate_meta: what the servers say of themselves by the gate.
    """
    if (fault := fault_of(answer, GATE_HEALTH, operator, "the gate's")) is not None:
        return fault, None
    if (refused := _judge_status(answer, target)) is not None:
        return refused, None
    body = answer.body if isinstance(answer.body, Mapping) else {}
    modules = body.get("modules")
    if not isinstance(modules, Mapping):
        return _unreachable(target, "its /v1/meta is not that of a Weaviate"), None
    version = str(body.get("version", ""))
    entry = modules.get(MODULE)
    if entry is None:
        return (_too_old(target, version) or _absent(target)), None
    if not isinstance(entry, Mapping):
        return failed(f"Weaviate at {target.url} shows something strange for {MODULE}: {quote(entry)}"), None
    shown = None if "error" in entry else entry
    return _judge_entry(entry, gate_meta, target), shown


def _judge_status(answer: Answer, target: ExternalTarget) -> Verification | None:
    """Return what a status other than 200 means."""
    if answer.status == HTTPStatus.OK:
        return None
    if answer.status == HTTPStatus.FAILED_DEPENDENCY:
        message = (
            f"the key for Weaviate at {target.url} is not there: create {target.key}; it comes to the gate "
            "within two minutes"
        )
        return _false(Reason.WEAVIATE_KEY_MISSING, message)
    if asks_credentials(answer) and target.key:
        remedy = f"put a key that it takes into {target.key}"
    elif asks_credentials(answer):
        remedy = "name a Secret with one in spec.weaviate.external.apiKey"
    else:
        return _unreachable(target, told_status(answer))
    message = f"Weaviate at {target.url} wants an API key ({told_status(answer)}): {remedy}"
    return _false(Reason.WEAVIATE_KEY_REFUSED, message)


def _judge_entry(
    entry: Mapping[str, Any], gate_meta: Mapping[str, Any] | None, target: ExternalTarget
) -> Verification | None:
    """Return what is wrong with what the module shows, or None."""
    if gate_meta is None:
        # There is no server that it could show.
        return None
    if "error" in entry:
        said = f"Weaviate at {target.url} gets no answer from its module {MODULE}: {quote(entry['error'])}"
        if "error" in gate_meta:
            return unanswered(said)
        remedy = f"the gate is well, so Weaviate does not reach it: {target.settings}"
        return _false(Reason.MODULE_ELSEWHERE, f"{said}; {remedy}")
    if _is_same_server(entry, gate_meta):
        return None
    other = _who(entry)
    message = (
        f"the module {MODULE} of Weaviate at {target.url} is answered by {other}, and not through this "
        f"resource's gate: in that Weaviate {target.settings}"
    )
    return _false(Reason.MODULE_ELSEWHERE, message)


def _is_same_server(entry: Mapping[str, Any], gate_meta: Mapping[str, Any]) -> bool:
    """Return whether Weaviate got what the gate gives it.

    Servers of ours show the name of the gate. Others show nothing that tells them apart but what they are.
    """
    names = (GATE_KEY,) if gate_meta.get(GATE_KEY) else ("model", "fingerprint")
    return all(entry.get(name) == gate_meta.get(name) for name in names)


def _who(entry: Mapping[str, Any]) -> str:
    if entry.get(GATE_KEY):
        return f"the servers behind the gate {quote(entry[GATE_KEY])}"
    model = entry.get("model")
    return f"another way or another server ({quote(model)})" if model else "another server"


def _too_old(target: ExternalTarget, version: str) -> Verification | None:
    found = _VERSION.match(version)
    if found is None or tuple(map(int, found.groups())) >= OLDEST:
        return None
    oldest = ".".join(map(str, OLDEST))
    message = (
        f"Weaviate at {target.url} is {quote(version)}, and the module {MODULE} came with {oldest}: upgrade "
        f"it, and then {target.settings}"
    )
    return _false(Reason.WEAVIATE_TOO_OLD, message)


def _absent(target: ExternalTarget) -> Verification:
    message = (
        f"Weaviate at {target.url} does not show the module {MODULE}: in that Weaviate {target.settings}"
    )
    return _false(Reason.MODULE_ABSENT, message)


def _unreachable(target: ExternalTarget, why: str) -> Verification:
    message = (
        f"the gate gets no metadata from Weaviate at {target.url}: {why}; check spec.weaviate.external.url, "
        "and that its network lets the gate's pods in"
    )
    # It may only be restarting, with what has just been set in it.
    return Verification(None, Reason.WEAVIATE_UNREACHABLE, message, in_the_end=message)


def _false(reason: Reason, message: str) -> Verification:
    return Verification(False, reason, message)
