"""One look at one resource: what is wanted, what is there, and what the reconciler made of it so far."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bind_operator.api.delivery import Delivery
from bind_operator.api.identity import FINALIZER
from bind_operator.api.spec import BindVectorizer
from bind_operator.api.status import RemediationStatus, RenderedStatus
from bind_operator.cluster.kube import Observed
from bind_operator.errors import OperatorError
from bind_operator.policy.authentication import Access
from bind_operator.policy.autoscaling import Scaling
from bind_operator.policy.drift import Report
from bind_operator.policy.facts import Component, Failure, Key, Problem
from bind_operator.policy.guards import Change
from bind_operator.policy.memory import Memory
from bind_operator.policy.objects import Object, component_of, is_deleting, request_of
from bind_operator.policy.plan import Situation
from bind_operator.policy.profiles import AppliedProfile
from bind_operator.policy.remediation import NO_REMEDY, Remedy, Step
from bind_operator.policy.shape import MANAGED, Shape, deployed_shape, shape_of
from bind_operator.policy.state import ReleaseState
from bind_operator.release.values import RenderedValues


@dataclass(frozen=True)
class Look:
    """One look at one resource finds what is wanted and what is there."""

    key: Key
    raw: Object
    resource: BindVectorizer | None
    """None if the spec is invalid; then `failure` says why."""
    values: RenderedValues | None
    observed: Observed
    state: ReleaseState
    memory: Memory
    failure: Failure | None = None
    ignored: tuple[str, ...] = ()
    """These fields of the spec are unknown to this operator."""
    held_back: Problem | None = None
    """The spec is not applied, because it would break data."""
    accepted: tuple[Change, ...] = ()
    """The spec breaks this, and its user has accepted it."""
    stands_back: bool = False
    """The release is left to somebody else who took it over."""
    drift: Report | None = None
    """What is not as the release made it; None where that is not looked at."""
    standstill: str = ""
    """It says which rollout stands still and why; empty for none."""
    remedy: Remedy = NO_REMEDY
    """It is done about a rollout that stands still."""
    remediation: RemediationStatus | None = None
    """It is a rollback that was decided now."""
    held: str = ""
    """It says what an upgrade waits for, which the operator and not the spec asks for."""
    profile: AppliedProfile | None = None
    """The hardware profile under the spec; None for none."""
    profile_version: str = ""
    """It tells one state of the profile from another, also of one that is missing."""
    scaling: Scaling | None = None
    """What chooses the number of inference pods; None where the spec does."""
    access: Access | None = None
    """Who may ask Weaviate; None where somebody else runs it, or the spec is invalid."""
    made_secret: str = ""
    """It tells the Secret with Weaviate's keys that the operator made from one before it."""
    node_wait_s: float = 0.0
    """So long a pod may find no node."""
    rendered: RenderedStatus | None = None
    """These values were written for somebody else, who installs them."""
    leaves_release: bool = False
    """The operator made the release before, and leaves it to them."""

    @property
    def request(self) -> str | None:
        """The value of the annotation by which a person asks for an attempt at once."""
        return request_of(self.raw)

    @property
    def is_asked(self) -> bool:
        """A person asks for an attempt that has not been made yet."""
        asked = self.request is not None
        return asked and self.request != self.raw.get("status", {}).get("lastHandledReconcile")

    @property
    def checked_pods(self) -> tuple[Object, ...]:
        """The pods that a live check's result holds for: not those that an autoscaler adds and ends."""
        pods = self.observed.pods
        if self.scaling is None:
            return pods
        return tuple(pod for pod in pods if component_of(pod) is not Component.INFERENCE)

    @property
    def has_inference_pods(self) -> bool:
        """There is an inference pod, or is to be one."""
        return self.observed.inference is not None and self.observed.inference.wanted > 0

    @property
    def shape(self) -> Shape:
        """The workloads that the release should have."""
        return shape_of(self.resource.spec) if self.resource else MANAGED

    @property
    def wanted_digest(self) -> str:
        """The digest that the release should carry; empty if the spec is invalid."""
        return self.values.digest if self.values else ""

    @property
    def has_new_values(self) -> bool:
        """The objects of `spec.valuesFrom`, or `spec.values`, say something else than at the last look."""
        digest: object = self.raw.get("status", {}).get("valuesDigest")
        return self.values is not None and digest != self.values.layers_digest

    @property
    def secrets(self) -> tuple[str, ...]:
        """These texts came from Secrets, and no message may show them."""
        return self.values.secrets if self.values else ()

    @property
    def deleting(self) -> bool:
        """The user has deleted the resource."""
        return is_deleting(self.raw)

    @property
    def suspended(self) -> bool:
        """The user wants nothing changed."""
        return bool(self.raw.get("spec", {}).get("suspend"))

    @property
    def renders(self) -> bool:
        """The user has somebody else install what the operator renders, also where the spec is invalid."""
        return renders(self.raw)

    @property
    def is_rolled_back(self) -> bool:
        """It runs what was brought back, and not the spec."""
        return self.remedy.step is Step.HOLD

    @property
    def situation(self) -> Situation:
        """It is what the next action follows from."""
        revisions = self.observed.revisions
        is_whole = all(self.observed.workloads(deployed_shape(revisions)))
        return Situation(
            self.state,
            deleting=self.deleting,
            suspended=self.suspended,
            stands_back=self.stands_back,
            is_invalid=self.values is None,
            drift=self.drift,
            step=self.remedy.step,
            lacks_workload=bool(revisions) and revisions[0].status == "deployed" and not is_whole,
        )

    @property
    def aim(self) -> tuple[object, ...]:
        """The operator tries this: failures count against it, and another one starts anew."""
        return self.wanted_digest, self.raw["metadata"].get("generation"), self.deleting, self.request


def renders(raw: Object) -> bool:
    """Return whether somebody else installs what the operator renders of the resource."""
    return bool(raw.get("spec", {}).get("delivery") == Delivery.RENDER)


def final(error: OperatorError) -> Failure:
    """Return `error` as what waits for a change of the spec."""
    return Failure(error.reason, str(error), is_final=True)


def foreign_message(look: Look) -> str:
    """Return whose the name is, and what to do."""
    if look.observed.revisions:
        return (
            f"Helm release {look.key.name} of namespace {look.key.namespace} was not made by this operator; "
            "uninstall it or give this resource another name"
        )
    found = look.observed.workloads(look.shape)
    names = ", ".join(workload.name for workload in found if workload)
    return f"{names} was not made by this operator; remove it or give this resource another name"


def is_ours(raw: Mapping[str, Any]) -> bool:
    """Return whether the operator acts on the resource: not on a deleted one without its finalizer."""
    return not is_deleting(raw) or FINALIZER in raw["metadata"].get("finalizers", [])


def log_fields(key: Key) -> dict[str, str]:
    """Return the fields of a log line about `key`."""
    return {"bindvectorizer": key.name, "namespace": key.namespace}
