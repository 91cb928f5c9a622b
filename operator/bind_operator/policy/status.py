"""Facts become the status, in the API's models."""

from collections.abc import Mapping
from typing import Any, Literal

from bind_operator.api.spec import BindVectorizer, ModelName
from bind_operator.api.status import (
    MAX_HISTORY,
    BindVectorizerStatus,
    Condition,
    Endpoints,
    HistoryEntry,
    ReleaseStatus,
)
from bind_operator.policy.conditions import Facts, judge_all
from bind_operator.policy.facts import Key, Revision
from bind_operator.policy.names import grpc_address, inference_url, rest_url


def build_status(
    key: Key,
    resource: BindVectorizer | None,
    generation: int,
    facts: Facts,
    previous: Mapping[str, Any],
    now: str,
) -> BindVectorizerStatus:
    """Return the whole status. Equal facts give an equal status, whatever `now` is.

    resource: None if its spec is invalid. previous: the status so far, whose transition times are kept where
    the status of a condition did not change. now: RFC 3339, UTC.
    """
    inference = facts.inference
    return BindVectorizerStatus(
        observed_generation=generation,
        conditions=_conditions(facts, generation, previous, now),
        release=_release(key.name, facts),
        endpoints=Endpoints(
            http=rest_url(key.name, key.namespace),
            grpc=grpc_address(key.name, key.namespace),
            inference=inference_url(key.name, key.namespace),
        ),
        device=str(resource.spec.device) if resource else None,
        replicas=f"{inference.ready}/{inference.wanted}" if inference else "0/0",
        model=_model(resource.spec.inference.model.name) if resource else None,
        history=[_history_entry(revision) for revision in facts.revisions[:MAX_HISTORY]],
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
                message=verdict.message,
                observed_generation=generation,
                last_transition_time=old["lastTransitionTime"] if old.get("status") == status else now,
            )
        )
    return conditions


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
    # Labels that somebody else's revision inherited say nothing of it.
    chart, digest = (revision.chart, revision.digest) if revision.managed else ("", "")
    return HistoryEntry(revision=revision.number, status=revision.status, chart=chart, digest=digest)


def _model(name: ModelName) -> str:
    return "Tiny (random weights, for trying only)" if name is ModelName.TINY else str(name)
