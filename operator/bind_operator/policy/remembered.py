"""The status remembers of the live check what an operator that starts anew needs to know."""

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

from bind_operator.api.status import ConditionType
from bind_operator.policy.facts import VectorSketches, Verification
from bind_operator.policy.objects import Object
from bind_operator.reasons import Reason


def remembered_vectors(status: Mapping[str, Any]) -> VectorSketches | None:
    """Return what an earlier check has found, or None; whatever else stands there is none."""
    found = status.get("verifiedVectors")
    names = ("fingerprint", "text", "image")
    if not isinstance(found, Mapping) or not all(isinstance(found.get(name), str) for name in names):
        return None
    return VectorSketches(*(found[name] for name in names))


def restored(status: Mapping[str, Any], digest: str, pods: Sequence[Object]) -> Verification | None:
    """Return the good result in `status` if it is of this release and of containers that run, else None.

    So an operator that starts while the servers are busy does not take back what was verified a minute ago.
    """
    verified_at = status.get("lastVerifiedTime")
    found = next((c for c in status.get("conditions", []) if c["type"] == ConditionType.VERIFIED), None)
    if not verified_at or found is None or status.get("release", {}).get("digest") != digest:
        return None
    if any(started > verified_at for started in map(_started_at, _containers(pods))):
        return None
    reason, message, vectors = found["reason"], found["message"], remembered_vectors(status)
    holds = {Reason.VERIFIED: True, Reason.AUTHENTICATION_REQUIRED: None}
    if reason not in holds:
        return None
    return Verification(
        holds[reason],
        Reason(reason),
        message,
        blocks=holds[reason] is True,
        fingerprint=vectors.fingerprint if vectors else None,
        vectors=vectors,
        verified_at=verified_at,
    )


def container_ids(pods: Sequence[Object]) -> list[str]:
    """Return the ids of the pods' containers; the gate is a sidecar among the init containers."""
    return sorted(str(status.get("containerID", "")) for status in _containers(pods))


def _containers(pods: Sequence[Object]) -> list[Mapping[str, Any]]:
    statuses = [pod.get("status", {}) for pod in pods]
    kinds = ("containerStatuses", "initContainerStatuses")
    return list(chain.from_iterable(status.get(kind, []) for status in statuses for kind in kinds))


def _started_at(container: Mapping[str, Any]) -> str:
    """Return when a container started, RFC 3339, UTC; a text before all times where it does not run."""
    return str(container.get("state", {}).get("running", {}).get("startedAt", ""))
