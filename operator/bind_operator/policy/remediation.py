"""A rollout that stands still is rolled back, once for each spec, to what the live check has seen at work.

What was decided is kept in the resource's status, so that an operator that restarts neither forgets it nor
tries the same spec again. A person may ask for one more attempt, by a new value of an annotation: the
decision was for the value that it was made under, and counts no longer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bind_operator.api.identity import RECONCILE_ANNOTATION
from bind_operator.api.remediation import RollbackPolicy
from bind_operator.api.spec import BindVectorizer
from bind_operator.api.status import LastVerified, RemediationStatus
from bind_operator.policy.facts import Component, Failure, Problem, Revision, Workload
from bind_operator.policy.objects import Object, component_of, is_deleting, request_of
from bind_operator.policy.state import ReleaseState
from bind_operator.policy.status import read_last_verified, read_remediation, weaviate_digest
from bind_operator.reasons import Reason

MAX_MESSAGE = 600


class Step(StrEnum):
    """The reconciler does this about a rollout that stands still."""

    NONE = "None"
    RECORD = "Record"
    """It writes down that the release is to be rolled back, before it is."""
    ROLL_BACK = "RollBack"
    HOLD = "Hold"
    """It was rolled back: the spec is not tried again before it changes or somebody asks."""


@dataclass(frozen=True)
class Remedy:
    """It is a step, and what it is about."""

    step: Step
    record: RemediationStatus | None = None
    failure: Failure | None = None


NO_REMEDY = Remedy(Step.NONE)


def standstill_of(
    weaviate: Workload | None,
    inference: Workload | None,
    gate: Workload | None,
    pods: Sequence[Object],
    problem: Problem | None,
    *,
    now: float,
    deadline_s: float,
) -> str:
    """Return which rollout stands still and why, in the cluster's words; empty if none does.

    A Deployment says so itself. A StatefulSet does not: it stands still where a pod has not been ready for
    `deadline_s` in the middle of its rollout. now: seconds of the epoch.
    """
    for deployment in (inference, gate):
        if deployment is not None and deployment.stuck:
            return _standstill(deployment, problem, deployment.stuck)
    if weaviate is not None and not weaviate.is_current:
        own = [pod for pod in pods if component_of(pod) is Component.WEAVIATE]
        if any(now - since >= deadline_s for since in map(_unready_since, own) if since is not None):
            return _standstill(weaviate, problem, f"a pod has not been ready for {deadline_s:g} s")
    return ""


def remedy_for(
    resource: BindVectorizer,
    raw: Object,
    state: ReleaseState,
    revisions: Sequence[Revision],
    wanted_digest: str,
    standstill: str,
    profile: str | None = None,
    values: str | None = None,
) -> Remedy:
    """Return what to do about a rollout of `resource`, by what its status (in `raw`) remembers.

    profile: digest of its hardware profile. values: digest of the values that it lays over the operator's.
    """
    status = raw.get("status", {})
    return remedy_of(
        state,
        revisions,
        generation=raw["metadata"]["generation"],
        wanted_digest=wanted_digest,
        weaviate=weaviate_digest(resource),
        standstill=standstill,
        rolls_back=resource.spec.remediation.rollback is RollbackPolicy.LAST_VERIFIED,
        verified=read_last_verified(status),
        before=read_remediation(status),
        request=request_of(raw),
        profile=profile,
        values=values,
    )


def remedy_of(
    state: ReleaseState,
    revisions: Sequence[Revision],
    *,
    generation: int,
    wanted_digest: str,
    weaviate: str,
    standstill: str,
    rolls_back: bool,
    verified: LastVerified | None,
    before: RemediationStatus | None,
    request: str | None,
    profile: str | None = None,
    values: str | None = None,
) -> Remedy:
    """Return what to do about a rollout.

    revisions: newest first. verified, before: what the status says of them. rolls_back: whether the resource
    wants that at all. weaviate: digest of its spec of Weaviate. A revision with another one is no aim: an
    older Weaviate must not open what a newer one has written, nor three pods become one. request: the latest
    one to reconcile at once. profile, values: others are tried as another spec is.
    """
    latest = revisions[0] if revisions else None
    if latest is None or state in (ReleaseState.FOREIGN, ReleaseState.BUSY, ReleaseState.LOCKED):
        return NO_REMEDY
    made_of = (generation, profile, values)
    is_same = before is not None and (before.generation, before.profile, before.values) == made_of
    if before is not None and is_same and request in (None, before.request):
        return _goes_on(before, latest, wanted_digest, standstill)
    if not standstill or not rolls_back or state is not ReleaseState.IN_SYNC or verified is None:
        return NO_REMEDY
    # Any revision of that chart and those values: Helm keeps five, and each attempt makes two.
    aims = [one for one in revisions if one.digest == verified.digest and one.was_applied]
    if not aims or verified.digest == latest.digest or verified.weaviate != weaviate:
        return NO_REMEDY
    record = RemediationStatus(
        generation=generation,
        from_revision=latest.number,
        to_revision=aims[0].number,
        digest=verified.digest,
        message=standstill[:MAX_MESSAGE],
        request=request,
        profile=profile,
        values=values,
    )
    return Remedy(Step.RECORD, record)


def _goes_on(before: RemediationStatus, latest: Revision, wanted_digest: str, standstill: str) -> Remedy:
    """Return the step after the decision was written down."""
    if latest.number == before.from_revision and not standstill:
        return Remedy(Step.NONE, before)
    if latest.number == before.from_revision or latest.status == "failed":
        return Remedy(Step.ROLL_BACK, before)
    if latest.digest == wanted_digest:
        # Somebody brought it back by hand, and it is not rolled back twice.
        return Remedy(Step.NONE, before)
    message = (
        f"rolled back to what ran as revision {before.to_revision}, because {before.message}; to try "
        f"again, change the spec or give the annotation {RECONCILE_ANNOTATION} a new value"
    )
    return Remedy(Step.HOLD, before, Failure(Reason.ROLLED_BACK, message, is_final=True))


def _standstill(workload: Workload, problem: Problem | None, else_words: str) -> str:
    words = problem.message if problem else else_words
    return f"the rollout of {workload.name} stands still: {words}"


def _unready_since(pod: Object) -> float | None:
    """Return since when a pod is not ready, in seconds of the epoch; None if it is, or is going."""
    metadata = pod["metadata"]
    conditions = pod.get("status", {}).get("conditions", [])
    ready: Object = next((one for one in conditions if one["type"] == "Ready"), {})
    if ready.get("status") == "True" or is_deleting(pod):
        return None
    since = ready.get("lastTransitionTime") or metadata.get("creationTimestamp")
    return datetime.fromisoformat(since).timestamp() if since else None
