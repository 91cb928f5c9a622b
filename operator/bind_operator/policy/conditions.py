"""Facts become what each condition says. Ready has one author: `judge`."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bind_operator import __version__
from bind_operator.api.drift import DriftMode
from bind_operator.api.status import ClaimStatus, ConditionType, RemediationStatus, RenderedStatus
from bind_operator.policy.authentication import Access
from bind_operator.policy.autoscaling import Scaling
from bind_operator.policy.copies import NO_COPIES, Copies
from bind_operator.policy.download import Download
from bind_operator.policy.drift import Report, describe_report
from bind_operator.policy.facts import Component, Failure, Problem, Revision, Verification, Workload
from bind_operator.policy.memory import NOTHING_KNOWN, Memory
from bind_operator.policy.profiles import AppliedProfile
from bind_operator.policy.shape import MANAGED, Shape
from bind_operator.policy.state import ReleaseState
from bind_operator.reasons import Reason

UPGRADE = f"The installed definition is newer than operator {__version__}; upgrade the operator"


@dataclass(frozen=True)
class Facts:
    """The status is judged by these alone."""

    state: ReleaseState
    revisions: Sequence[Revision] = ()
    weaviate: Workload | None = None
    inference: Workload | None = None
    gate: Workload | None = None
    """It is one only where Weaviate is external."""
    shape: Shape = MANAGED
    """The release has these workloads."""
    external_url: str = ""
    """Weaviate, or the inference server, is there already and somebody else runs it; empty: neither is."""
    problem: Problem | None = None
    failure: Failure | None = None
    verification: Verification | None = None
    deleting: bool = False
    suspended: bool = False
    download: Download | None = None
    ignored: tuple[str, ...] = ()
    """These fields of the spec are unknown here, and nothing was made of them."""

    held_back: Problem | None = None
    """A change of the spec is not applied, for this reason."""
    space_problem: Problem | None = None
    """The vectors are not of the space that the collections were filled under."""
    memory: Memory = NOTHING_KNOWN
    claims: Sequence[ClaimStatus] = ()
    drift: Report | None = None
    """None where nothing is compared: the release is not in sync, or the operator leaves it alone."""
    lock: str = ""
    """It says who holds the release, where that is somebody else."""
    standstill: str = ""
    """It says which rollout stands still and why; empty for none."""
    remediation: RemediationStatus | None = None
    """It is a rollback that was decided now."""
    profile: AppliedProfile | None = None
    """The hardware profile of the resource; None for none."""
    scaling: Scaling | None = None
    """What chooses the number of inference pods; None where the spec does."""
    rendered: RenderedStatus | None = None
    """These values were written for somebody else, who installs them."""
    values_digest: str | None = None
    """Digest of the values that the spec lays over the operator's; None for none."""
    leaves_release: bool = False
    """The operator made the release before, and leaves it to them."""
    held: str = ""
    """It says what an upgrade waits for, which the operator and not the spec asks for; empty for none."""
    copies: Copies = NO_COPIES
    access: Access | None = None
    """Who may ask Weaviate; None where somebody else runs it."""
    made_secret: str = ""
    """It tells the Secret with the keys that the operator made from one before it."""

    def of_the_resource(self) -> "Facts":
        """Return them without what belongs to somebody else, where the name is somebody else's."""
        if self.state is not ReleaseState.FOREIGN:
            return self
        return replace(
            self,
            revisions=(),
            weaviate=None,
            inference=None,
            gate=None,
            problem=None,
            verification=None,
            download=None,
        )

    @property
    def is_rolled_out(self) -> bool:
        """All pods that the release asks for are there and ready."""
        workloads = map(self.workload, self.shape)
        return all(workload is not None and workload.is_rolled_out for workload in workloads)

    def workload(self, component: Component) -> Workload | None:
        """Return the workload of a component, None if it is not there."""
        found = {
            Component.WEAVIATE: self.weaviate,
            Component.INFERENCE: self.inference,
            Component.GATE: self.gate,
        }
        return found[component]


@dataclass(frozen=True)
class Verdict:
    """It is what one condition says. `status` None is Unknown."""

    status: bool | None
    reason: Reason
    message: str


def judge(facts: Facts) -> Verdict:
    """Return what Ready says. The first case that matches wins."""
    match facts:
        case Facts(deleting=True):
            return Verdict(False, Reason.DELETING, _failure_text(facts) or "the release is being uninstalled")
        case Facts(failure=Failure(reason, message)):
            return Verdict(False, reason, message)
        case Facts(suspended=True):
            return _suspended(facts)
        case Facts(rendered=RenderedStatus() as rendered):
            return Verdict(True, Reason.RENDERED, _rendered(rendered, leaves=facts.leaves_release))
        case Facts(state=ReleaseState.BUSY | ReleaseState.LOCKED):
            return Verdict(
                None, Reason.RELEASE_LOCKED, facts.lock or "another Helm operation holds the release"
            )
        case Facts(state=ReleaseState.ABSENT | ReleaseState.UNINSTALLING):
            return Verdict(None, Reason.INSTALLING, "the release is being installed")
        case Facts(state=ReleaseState.OUT_OF_SYNC, held=str(held)) if held and facts.is_rolled_out:
            # What runs is what was asked for, as the operator made it before.
            return Verdict(True, Reason.WAITING_FOR_WAVE, f"the upgrade of the release {held}")
        case Facts(state=ReleaseState.OUT_OF_SYNC | ReleaseState.FAILED | ReleaseState.TAKEN_OVER) if (
            not facts.held
        ):
            return Verdict(None, Reason.UPGRADING, "the release is being upgraded")
        case Facts(state=ReleaseState.DRIFTED, drift=Report(contested=(_, *_)) as report):
            return Verdict(False, Reason.DRIFT_CONTESTED, describe_report(report))
        case Facts(state=ReleaseState.DRIFTED):
            return Verdict(None, Reason.DRIFT_DETECTED, "objects of the release are being put back")
        case Facts(standstill=str(words)) if words and not facts.is_rolled_out:
            return Verdict(False, Reason.ROLLOUT_STALLED, words)
        case Facts(problem=Problem(reason, message)) if not facts.is_rolled_out:
            return Verdict(None if reason is Reason.WAITING_FOR_NODE else False, reason, message)
        case Facts(weaviate=Workload() as workload) if not workload.is_rolled_out:
            return Verdict(None, Reason.WEAVIATE_NOT_READY, _progress(workload, "Weaviate"))
        case Facts(gate=Workload() as workload) if not workload.is_rolled_out:
            return Verdict(None, Reason.GATE_NOT_READY, _progress(workload, "gate"))
        case Facts(inference=Workload() as workload, download=Download() as one) if (
            not workload.is_rolled_out
        ):
            text = f"{_progress(workload, 'inference')}; {one.describe()}"
            return Verdict(None, Reason.DOWNLOADING_WEIGHTS, text)
        case Facts(inference=Workload() as workload, scaling=Scaling(is_waking=True) as scaling) if (
            not workload.is_rolled_out
        ):
            return Verdict(None, Reason.WAKING, scaling.waking_message)
        case Facts(inference=Workload() as workload) if not workload.is_rolled_out:
            return Verdict(None, Reason.ROLLING_OUT, _progress(workload, "inference"))
        case Facts(verification=None):
            return Verdict(None, Reason.VERIFYING, "the live check has not run yet")
        case Facts(verification=Verification(True) | Verification(blocks=False)):
            is_asleep = facts.inference is not None and facts.inference.is_asleep
            return Verdict(True, Reason.ASLEEP if is_asleep else Reason.IN_SYNC, _in_sync(facts))
        case Facts(verification=Verification(holds, reason, message)):
            return Verdict(holds, reason, message)
    raise AssertionError(facts)


def _suspended(facts: Facts) -> Verdict:
    if facts.state is not ReleaseState.IN_SYNC:
        return Verdict(None, Reason.SUSPENDED, "spec.suspend is true: the release is not brought to the spec")
    if facts.is_rolled_out:
        return Verdict(True, Reason.SUSPENDED, "spec.suspend is true; all pods are ready")
    return Verdict(None, Reason.SUSPENDED, "spec.suspend is true; not all pods are ready")


def _rendered(rendered: RenderedStatus, *, leaves: bool) -> str:
    left = "; the release that the operator made before is left to them" if leaves else ""
    objects = f", its manifests in ConfigMap {rendered.manifests}" if rendered.manifests else ""
    return (
        f"values of {rendered.chart} are in ConfigMap {rendered.config_map}{objects}, digest "
        f"{rendered.digest}; somebody else installs them{left}"
    )


def _failure_text(facts: Facts) -> str:
    return facts.failure.message if facts.failure else ""


def _progress(workload: Workload, what: str) -> str:
    text = f"{workload.ready} of {workload.wanted} {what} pods are ready"
    return text if workload.is_current else f"{text}, not all of the latest revision"


def _in_sync(facts: Facts) -> str:
    if facts.scaling is not None and facts.inference is not None:
        return facts.scaling.describe(facts.inference, facts.problem) + _drift_hint(facts)
    if facts.inference and facts.inference.wanted == 0:
        return (
            "the release matches the spec; without inference pods there is no vector search by media or text"
            + _drift_hint(facts)
        )
    return "the release matches the spec" + _drift_hint(facts)


def _drift_hint(facts: Facts) -> str:
    drift = facts.drift
    is_left = drift and (drift.told or drift.contested)
    return "; objects of it were changed by somebody else, see the condition Drifted" if is_left else ""


def judge_all(facts: Facts) -> dict[ConditionType, Verdict]:
    """Return what each condition says."""
    ready = judge(facts)
    return {
        ConditionType.READY: ready,
        ConditionType.RECONCILING: _reconciling(facts, ready),
        ConditionType.STALLED: _stalled(facts, ready),
        ConditionType.RELEASED: _released(facts),
        ConditionType.INFERENCE_READY: _part_ready(facts, Component.INFERENCE, "inference"),
        ConditionType.WEAVIATE_READY: _part_ready(facts, Component.WEAVIATE, "Weaviate"),
        ConditionType.VERIFIED: _verified(facts),
        ConditionType.CHANGES_ACCEPTED: _changes_accepted(facts),
        ConditionType.VECTOR_SPACE_KEPT: _vector_space_kept(facts),
        ConditionType.DRIFTED: _not_looked_at(facts) if facts.rendered else judge_drifted(facts.drift),
    } | {type_: Verdict(one.status, one.reason, one.message) for type_, one in facts.copies.findings.items()}


def _reconciling(facts: Facts, ready: Verdict) -> Verdict:
    if ready.status is True or _is_stalled(facts, ready) or (facts.suspended and not facts.deleting):
        return Verdict(False, ready.reason, "nothing is under way")
    return Verdict(True, Reason.RETRYING if facts.failure else Reason.PROGRESSING, ready.message)


def _stalled(facts: Facts, ready: Verdict) -> Verdict:
    if _is_stalled(facts, ready):
        return Verdict(True, ready.reason, ready.message)
    if (refusal := facts.copies.refusal) is not None:
        return Verdict(True, refusal.reason, refusal.message)
    return Verdict(False, Reason.PROGRESSING, "the operator can go on")


def _is_stalled(facts: Facts, ready: Verdict) -> bool:
    is_final = facts.failure is not None and facts.failure.is_final
    problem = facts.problem
    lacks_secret = problem is not None and problem.lacks_secret and ready.reason is problem.reason
    return is_final or lacks_secret or ready.reason is Reason.ROLLOUT_STALLED


def _released(facts: Facts) -> Verdict:
    if facts.failure:
        return Verdict(False, facts.failure.reason, facts.failure.message)
    if facts.rendered:
        return _not_looked_at(facts)
    if facts.state is ReleaseState.IN_SYNC and facts.revisions:
        current = facts.revisions[0]
        text = f"revision {current.number} of {current.chart} is deployed{ignored_note(facts.ignored)}"
        return Verdict(True, Reason.DEPLOYED, text)
    return Verdict(False, Reason.NOT_RELEASED, f"the release is {facts.state}")


def _not_looked_at(facts: Facts) -> Verdict:
    unseen = "spec.delivery is Render: the operator does not look after what somebody else installs"
    return Verdict(None, Reason.RENDERED, unseen + ignored_note(facts.ignored))


def ignored_note(fields: Sequence[str]) -> str:
    """Return what is said of fields that are unknown here; "" if there are none."""
    if not fields:
        return ""
    return f"; unknown to this operator and ignored: {', '.join(fields)}. {UPGRADE}"


def _part_ready(facts: Facts, component: Component, what: str) -> Verdict:
    if component in facts.shape:
        return _workload_ready(facts.workload(component), what)
    if facts.rendered:
        return _not_looked_at(facts)
    whose = f"{what if component is Component.WEAVIATE else 'the inference server'} at {facts.external_url}"
    check = facts.verification
    if check is None:
        return Verdict(None, Reason.VERIFYING, f"{whose} is asked once all pods are ready")
    fault = check.weaviate_fault if component is Component.WEAVIATE else check.inference_fault
    if fault is None:
        return Verdict(True, Reason.ANSWERS, f"{whose} answers as it should; somebody else runs it")
    return Verdict(None if fault.reason is Reason.VERIFYING else False, fault.reason, fault.message)


def _workload_ready(workload: Workload | None, what: str) -> Verdict:
    match workload:
        case None:
            return Verdict(None, Reason.NOT_RELEASED, f"there are no {what} pods yet")
        case Workload(is_asleep=True):
            return Verdict(False, Reason.ASLEEP, f"no {what} pod runs until somebody asks")
        case Workload(wanted=0):
            return Verdict(False, Reason.SCALED_TO_ZERO, f"no {what} pods are wanted")
        case _ if workload.is_rolled_out:
            return Verdict(True, Reason.ALL_READY, _progress(workload, what))
    return Verdict(False, Reason.ROLLING_OUT, _progress(workload, what))


def _verified(facts: Facts) -> Verdict:
    if facts.rendered:
        return _not_looked_at(facts)
    if facts.verification is None:
        return Verdict(None, Reason.VERIFYING, "the live check runs once all pods are ready")
    return Verdict(facts.verification.holds, facts.verification.reason, facts.verification.message)


def _changes_accepted(facts: Facts) -> Verdict:
    if facts.held_back is not None:
        return Verdict(False, facts.held_back.reason, facts.held_back.message)
    return Verdict(True, Reason.NO_OPEN_CHANGE, "no change waits to be accepted")


def _vector_space_kept(facts: Facts) -> Verdict:
    if facts.space_problem is not None:
        return Verdict(False, facts.space_problem.reason, facts.space_problem.message)
    space = facts.memory.vector_space
    if space is None or space.fingerprint is None:
        return Verdict(None, Reason.VECTOR_SPACE_UNKNOWN, "the fingerprint of the vectors is not known yet")
    message = f"the collections are filled under {space.fingerprint}, since {space.since}"
    return Verdict(True, Reason.SAME_VECTOR_SPACE, message)


def judge_drifted(report: Report | None) -> Verdict:
    """Return what the condition Drifted says."""
    match report:
        case None:
            return Verdict(None, Reason.DRIFT_UNKNOWN, "objects are compared once the release is in sync")
        case Report(contested=(_, *_)):
            return Verdict(True, Reason.DRIFT_CONTESTED, describe_report(report))
        case Report(told=(_, *_)) | Report(corrections=(_, *_)):
            return Verdict(True, Reason.DRIFT_DETECTED, describe_report(report))
        case Report(unknown=(_, *_)):
            return Verdict(None, Reason.DRIFT_UNKNOWN, describe_report(report))
        case Report(mode=DriftMode.DISABLED):
            return Verdict(None, Reason.DRIFT_DETECTION_DISABLED, "spec.driftDetection.mode is Disabled")
    return Verdict(False, Reason.NO_DRIFT_DETECTED, "every object is as the release made it")
