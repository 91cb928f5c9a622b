"""Facts become the status, in the API's models."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from bind_operator.api.spec import BindVectorizer, ModelName
from bind_operator.api.status import (
    MAX_HISTORY,
    BindVectorizerStatus,
    Condition,
    ConditionType,
    Endpoints,
    HistoryEntry,
    ReleaseStatus,
    VerifiedVectors,
)
from bind_operator.policy.conditions import Facts, judge_all
from bind_operator.policy.facts import Key, Revision, Verification
from bind_operator.policy.names import grpc_address, inference_url, rest_url
from bind_operator.policy.remembered import remembered_vectors
from bind_operator.policy.state import ReleaseState
from bind_operator.policy.text import one_line

VERIFIED_TIME_STEP_S = 3600.0


def build_status(
    key: Key,
    resource: BindVectorizer | None,
    generation: int,
    facts: Facts,
    previous: Mapping[str, Any],
    now: str,
    request: str | None = None,
) -> BindVectorizerStatus:
    """Return the whole status. Equal facts give an equal status, whatever `now` is.

    resource: None if its spec is invalid. previous: the status so far, whose transition times are kept where
    the status of a condition did not change. now: RFC 3339, UTC. request: the latest one to reconcile at once
    that has been followed.
    """
    is_foreign = facts.state is ReleaseState.FOREIGN
    facts = facts.of_the_resource()
    inference = facts.inference
    return BindVectorizerStatus(
        observed_generation=generation,
        conditions=_conditions(facts, generation, previous, now),
        release=_release(key.name, facts),
        endpoints=None if is_foreign else _endpoints(key),
        device=str(resource.spec.device) if resource else None,
        replicas=None if is_foreign else f"{inference.ready}/{inference.wanted}" if inference else "0/0",
        model=_model(resource.spec.inference.model.name) if resource else None,
        weaviate=facts.memory.weaviate,
        vector_space=facts.memory.vector_space,
        storage=list(facts.claims),
        last_verified_time=_last_verified_time(facts.verification, previous),
        verified_vectors=_verified_vectors(facts.verification, previous),
        history=[_history_entry(revision) for revision in facts.revisions[:MAX_HISTORY]],
        last_handled_reconcile=request,
    )


def _endpoints(key: Key) -> Endpoints:
    return Endpoints(
        http=rest_url(key.name, key.namespace),
        grpc=grpc_address(key.name, key.namespace),
        inference=inference_url(key.name, key.namespace),
    )


def _conditions(facts: Facts, generation: int, previous: Mapping[str, Any], now: str) -> list[Condition]:
    before = {condition["type"]: condition for condition in previous.get("conditions", [])}
    conditions = []
    for type_, verdict in judge_all(facts).items():
        old = before.get(type_, {})
        status = _condition_status(verdict.status)
        conditions.append(
            Condition(
                type=str(type_),
                status=status,
                reason=str(verdict.reason),
                message=one_line(verdict.message),
                observed_generation=generation,
                last_transition_time=old["lastTransitionTime"] if old.get("status") == status else now,
            )
        )
    return conditions


def _last_verified_time(verification: Verification | None, previous: Mapping[str, Any]) -> str | None:
    """Return when the live check last held. While it goes on to hold, the time moves by an hour at least."""
    before: str | None = previous.get("lastVerifiedTime")
    if verification is None or verification.verified_at is None:
        return before
    found = [c for c in previous.get("conditions", []) if c["type"] == ConditionType.VERIFIED]
    held = bool(found) and found[0]["reason"] == verification.reason
    if held and before and _seconds(verification.verified_at) - _seconds(before) < VERIFIED_TIME_STEP_S:
        return before
    return verification.verified_at


def _seconds(time: str) -> float:
    """Return an RFC 3339 time in seconds of the epoch; 0 where somebody wrote something else."""
    try:
        return datetime.fromisoformat(time).timestamp()
    except ValueError:
        return 0.0


def _verified_vectors(
    verification: Verification | None, previous: Mapping[str, Any]
) -> VerifiedVectors | None:
    """Return the first vectors of the fingerprint that was verified last."""
    before = remembered_vectors(previous)
    now = verification.vectors if verification else None
    kept = now if now and (before is None or before.fingerprint != now.fingerprint) else before
    return VerifiedVectors(fingerprint=kept.fingerprint, text=kept.text, image=kept.image) if kept else None


def _condition_status(status: bool | None) -> Literal["True", "False", "Unknown"]:
    if status is None:
        return "Unknown"
    return "True" if status else "False"


def _release(name: str, facts: Facts) -> ReleaseStatus | None:
    """Return what the status says of the release; None if there is none, or it is not the operator's."""
    if not facts.revisions or not facts.revisions[0].managed:
        return None
    current = facts.revisions[0]
    return ReleaseStatus(name=name, revision=current.number, chart=current.chart, digest=current.digest)


def _history_entry(revision: Revision) -> HistoryEntry:
    return HistoryEntry(
        revision=revision.number, status=revision.status, chart=revision.chart, digest=revision.digest
    )


def _model(name: ModelName) -> str:
    return "Tiny (random weights, for trying only)" if name is ModelName.TINY else str(name)
