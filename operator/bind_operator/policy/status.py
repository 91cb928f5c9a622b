"""Facts become the status, in the API's models."""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ValidationError

from bind_operator.api.customization import PodCustomization
from bind_operator.api.hardware import Gpu
from bind_operator.api.model import ModelName
from bind_operator.api.parts import Scheduling
from bind_operator.api.spec import BindVectorizer, Device
from bind_operator.api.status import (
    MAX_HISTORY,
    AuthenticationStatus,
    BindVectorizerStatus,
    Condition,
    ConditionType,
    Endpoints,
    HardwareStatus,
    HistoryEntry,
    LastVerified,
    ReleaseStatus,
    RemediationStatus,
    RenderedStatus,
    VerifiedVectors,
    WeaviateSettings,
)
from bind_operator.policy.authentication import authentication_status
from bind_operator.policy.conditions import Facts, judge_all
from bind_operator.policy.external import weaviate_settings
from bind_operator.policy.facts import Key, Revision, Verification, Workload
from bind_operator.policy.names import gate_address, grpc_address, inference_url, rest_url
from bind_operator.policy.profiles import profile_status
from bind_operator.policy.remembered import remembered_vectors
from bind_operator.policy.state import ReleaseState
from bind_operator.policy.text import one_line

VERIFIED_TIME_STEP_S = 3600.0
DIGEST_LENGTH = 16

Model = TypeVar("Model", bound=BaseModel)


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
        values_digest=facts.values_digest,
        rendered=facts.rendered or (read_rendered(previous) if is_foreign else None),
        release=_release(key.name, facts) or _release_that_goes(facts, previous),
        endpoints=None if is_foreign else _endpoints(key, resource),
        weaviate_settings=None if is_foreign else _settings(key, resource),
        device=str(resource.spec.device) if resource and not _serves_elsewhere(resource) else None,
        replicas=None if is_foreign or (resource and _serves_elsewhere(resource)) else _replicas(inference),
        profile=profile_status(facts.profile),
        hardware=_hardware(resource) if resource and not _serves_elsewhere(resource) else None,
        autoscaling=facts.scaling.status if facts.scaling and not is_foreign else None,
        model=_model(resource) if resource else None,
        weaviate=facts.memory.weaviate,
        authentication=_authentication(key, resource, facts, previous),
        vector_space=facts.memory.vector_space,
        storage=list(facts.claims),
        last_verified_time=_last_verified_time(facts.verification, previous),
        verified_vectors=_verified_vectors(facts.verification, previous),
        backup=facts.copies.backup,
        restore=facts.copies.restore,
        last_verified=_last_verified(resource, facts, previous),
        remediation=facts.remediation or read_remediation(previous),
        history=[_history_entry(revision) for revision in facts.revisions[:MAX_HISTORY]],
        last_handled_reconcile=request,
    )


def _authentication(
    key: Key, resource: BindVectorizer | None, facts: Facts, previous: Mapping[str, Any]
) -> AuthenticationStatus | None:
    """Return who may ask Weaviate; what was said of it before, while the spec says nothing valid."""
    if facts.state is ReleaseState.FOREIGN:
        return None
    if resource is None:
        return _read(AuthenticationStatus, previous.get("authentication"))
    return authentication_status(key.namespace, facts.access, facts.made_secret)


def _hardware(resource: BindVectorizer) -> HardwareStatus:
    spec = resource.spec
    gpu = spec.gpu or Gpu()
    return HardwareStatus(
        precision=str(spec.inference.model.precision),
        replicas=spec.inference.most_replicas,
        requests=spec.inference.resources.requests,
        limits=spec.inference.resources.limits,
        gpu=gpu.words if spec.device is Device.CUDA else None,
        node_selector=spec.inference.node_selector,
    )


def _endpoints(key: Key, resource: BindVectorizer | None) -> Endpoints:
    weaviate = resource.spec.weaviate.external if resource else None
    inference = resource.spec.inference.external if resource else None
    exposed = resource.spec.weaviate.expose if resource else None
    return Endpoints(
        http=weaviate.url if weaviate else rest_url(key.name, key.namespace),
        grpc=None if weaviate else grpc_address(key.name, key.namespace),
        inference=inference.url if inference else inference_url(key.name, key.namespace),
        gate=gate_address(key.name, key.namespace) if weaviate else None,
        public_http=exposed.public_http if exposed else None,
        public_grpc=exposed.public_grpc if exposed else None,
    )


def _settings(key: Key, resource: BindVectorizer | None) -> WeaviateSettings | None:
    if resource is None or resource.spec.weaviate.external is None:
        return None
    scaling = resource.spec.inference.autoscaling
    return weaviate_settings(key, scaling.hold_seconds if scaling and scaling.sleeps else None)


def _serves_elsewhere(resource: BindVectorizer) -> bool:
    return resource.spec.inference.external is not None


def _replicas(inference: Workload | None) -> str:
    return f"{inference.ready}/{inference.wanted}" if inference else "0/0"


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


def _release_that_goes(facts: Facts, previous: Mapping[str, Any]) -> ReleaseStatus | None:
    """Return the release that a deletion has uninstalled, until the resource is gone.

    An operator that did not do it, or has forgotten that it did, knows by this that there was one to tell of.
    """
    if not facts.deleting or facts.state is ReleaseState.FOREIGN:
        return None
    return _read(ReleaseStatus, previous.get("release"))


def _release(name: str, facts: Facts) -> ReleaseStatus | None:
    """Return what the status says of the release; None if there is none, or it is not the operator's."""
    if not facts.revisions or not facts.revisions[0].managed:
        return None
    current = facts.revisions[0]
    return ReleaseStatus(name=name, revision=current.number, chart=current.chart, digest=current.digest)


def _last_verified(
    resource: BindVectorizer | None, facts: Facts, previous: Mapping[str, Any]
) -> LastVerified | None:
    """Return the release as it is if the live check holds, else what was verified before."""
    is_verified = facts.verification is not None and facts.verification.holds is True
    if not (resource and is_verified and facts.revisions and facts.state is ReleaseState.IN_SYNC):
        return read_last_verified(previous)
    current = facts.revisions[0]
    weaviate = weaviate_digest(resource)
    return LastVerified(revision=current.number, digest=current.digest, weaviate=weaviate)


def weaviate_digest(resource: BindVectorizer) -> str:
    """Return the digest of the spec of Weaviate, which a rollback must not change.

    Where its pods run, what else they bear and how they are reached is not of it: the same Weaviate opens
    the same data.
    """
    weaviate = resource.spec.weaviate
    # Without a field that an operator before it did not know: its digest is in the status.
    later = ("external", "authentication", "mcp", "cluster_node_name")
    unknown = {name for name in later if getattr(weaviate, name) is None}
    # Where backups go, what it began with, and who answers from what was found, opens no other data either.
    unknown |= {"backup", "restore_from", "modules"}
    around = {*Scheduling.model_fields, *PodCustomization.model_fields, "service", "expose"}
    text = weaviate.model_dump_json(exclude={*around, *unknown})
    return hashlib.sha256(text.encode()).hexdigest()[:DIGEST_LENGTH]


def read_last_verified(status: Mapping[str, Any]) -> LastVerified | None:
    """Return what a status says was verified last; None if nothing, or nothing that can be read."""
    return _read(LastVerified, status.get("lastVerified"))


def read_remediation(status: Mapping[str, Any]) -> RemediationStatus | None:
    """Return the rollback that a status tells of; None if none, or none that can be read."""
    return _read(RemediationStatus, status.get("remediation"))


def read_rendered(status: Mapping[str, Any]) -> RenderedStatus | None:
    """Return what a status tells of rendered values; None if nothing, or nothing that can be read."""
    return _read(RenderedStatus, status.get("rendered"))


def _read(model: type[Model], value: object) -> Model | None:
    try:
        return model.model_validate(value)
    except ValidationError:
        return None


def _history_entry(revision: Revision) -> HistoryEntry:
    # Labels that somebody else's revision inherited say nothing of it.
    if not revision.managed:
        return HistoryEntry(revision=revision.number, status=revision.status, chart="", digest="")
    return HistoryEntry(
        revision=revision.number,
        status=revision.status,
        chart=revision.chart,
        digest=revision.digest,
        generation=revision.generation,
        cause=revision.cause or None,
    )


def _model(resource: BindVectorizer) -> str:
    name = resource.spec.inference.model.name
    if _serves_elsewhere(resource):
        return "that of the external server"
    return "Tiny (random weights, for trying only)" if name is ModelName.TINY else str(name)
