"""What Ready and the others say, by named situations."""

from dataclasses import replace

import pytest

from bind_operator.api.autoscaling import Autoscaling, AutoscalingTarget
from bind_operator.api.status import ConditionType
from bind_operator.policy.autoscaling import Scaling
from bind_operator.policy.conditions import Facts, judge, judge_all
from bind_operator.policy.download import Download
from bind_operator.policy.facts import Failure, Problem, Revision, Verification, Workload
from bind_operator.policy.state import ReleaseState
from bind_operator.reasons import Reason

REVISION = Revision(3, "deployed", managed=True, digest="d", chart="weaviate-bind-0.1.0", created_at=0.0)
WEAVIATE = Workload("t-weaviate", "t", wanted=1, ready=1, is_current=True)
INFERENCE = Workload("t-inference", "t", wanted=2, ready=2, is_current=True)
VERIFIED = Verification(holds=True, reason=Reason.VERIFIED, message="fine")
WELL = Facts(
    state=ReleaseState.IN_SYNC,
    revisions=(REVISION,),
    weaviate=WEAVIATE,
    inference=INFERENCE,
    verification=VERIFIED,
)
RETRYING = Failure(Reason.HELM_FAILED, "boom", is_final=False)
STALLED = Failure(Reason.SPEC_REFUSED, "boom", is_final=True)
PROBLEM = Problem(Reason.UNSCHEDULABLE, "0/1 nodes are available")
DOWNLOAD = Download("t-inference-x", 40, 4.5e9, 170.0)
UNREADY = replace(INFERENCE, ready=1)
SCALING = Scaling(
    Autoscaling(min_replicas=0, max_replicas=4, target=AutoscalingTarget(cpu_utilization=80)), start_s=12
)
SCALED = replace(INFERENCE, wanted=1, ready=1, is_current=False, is_updated=True, least=0)
SLEEPING = replace(
    WELL,
    inference=replace(SCALED, wanted=0, ready=0),
    scaling=SCALING,
    verification=Verification(None, Reason.NO_INFERENCE_PODS, "-", blocks=False),
)

# situation: facts, Ready's status and reason, Reconciling, Stalled
CASES: dict[str, tuple[Facts, bool | None, Reason, bool, bool]] = {
    "all is well": (WELL, True, Reason.IN_SYNC, False, False),
    "deleting": (replace(WELL, deleting=True), False, Reason.DELETING, True, False),
    "deleting a suspended one": (
        replace(WELL, deleting=True, suspended=True),
        False,
        Reason.DELETING,
        True,
        False,
    ),
    "deleting goes before a failure": (
        replace(WELL, deleting=True, failure=RETRYING),
        False,
        Reason.DELETING,
        True,
        False,
    ),
    "an action failed": (replace(WELL, failure=RETRYING), False, Reason.HELM_FAILED, True, False),
    "only another spec helps": (replace(WELL, failure=STALLED), False, Reason.SPEC_REFUSED, False, True),
    "a failure goes before pods": (
        replace(WELL, failure=RETRYING, problem=PROBLEM, inference=UNREADY),
        False,
        Reason.HELM_FAILED,
        True,
        False,
    ),
    "suspended and well": (replace(WELL, suspended=True), True, Reason.SUSPENDED, False, False),
    "suspended with a changed spec": (
        replace(WELL, suspended=True, state=ReleaseState.OUT_OF_SYNC),
        None,
        Reason.SUSPENDED,
        False,
        False,
    ),
    "suspended with an unready pod": (
        replace(WELL, suspended=True, inference=UNREADY),
        None,
        Reason.SUSPENDED,
        False,
        False,
    ),
    "helm is at work": (replace(WELL, state=ReleaseState.BUSY), None, Reason.RELEASE_LOCKED, True, False),
    "locked": (replace(WELL, state=ReleaseState.LOCKED), None, Reason.RELEASE_LOCKED, True, False),
    "absent": (Facts(state=ReleaseState.ABSENT), None, Reason.INSTALLING, True, False),
    "out of sync": (replace(WELL, state=ReleaseState.OUT_OF_SYNC), None, Reason.UPGRADING, True, False),
    "taken over": (replace(WELL, state=ReleaseState.TAKEN_OVER), None, Reason.UPGRADING, True, False),
    "drifted": (
        replace(WELL, state=ReleaseState.DRIFTED, inference=None),
        None,
        Reason.DRIFT_DETECTED,
        True,
        False,
    ),
    "a pod cannot be scheduled": (
        replace(WELL, problem=PROBLEM, inference=UNREADY),
        False,
        Reason.UNSCHEDULABLE,
        True,
        False,
    ),
    "a pod waits for a node": (
        replace(WELL, problem=replace(PROBLEM, reason=Reason.WAITING_FOR_NODE), inference=UNREADY),
        None,
        Reason.WAITING_FOR_NODE,
        True,
        False,
    ),
    "the profile is missing": (
        replace(WELL, failure=Failure(Reason.PROFILE_MISSING, "no t4", is_final=True)),
        False,
        Reason.PROFILE_MISSING,
        False,
        True,
    ),
    "an old pod's problem while all are ready": (
        replace(WELL, problem=PROBLEM),
        True,
        Reason.IN_SYNC,
        False,
        False,
    ),
    "weaviate is not ready": (
        replace(WELL, weaviate=replace(WEAVIATE, ready=0), inference=UNREADY),
        None,
        Reason.WEAVIATE_NOT_READY,
        True,
        False,
    ),
    "inference is rolling out": (replace(WELL, inference=UNREADY), None, Reason.ROLLING_OUT, True, False),
    "the weights are downloaded": (
        replace(WELL, inference=UNREADY, download=DOWNLOAD),
        None,
        Reason.DOWNLOADING_WEIGHTS,
        True,
        False,
    ),
    "a problem goes before the download of another pod": (
        replace(WELL, inference=UNREADY, download=DOWNLOAD, problem=PROBLEM),
        False,
        Reason.UNSCHEDULABLE,
        True,
        False,
    ),
    "old pods are ready, new ones are not made yet": (
        replace(WELL, inference=replace(INFERENCE, is_current=False)),
        None,
        Reason.ROLLING_OUT,
        True,
        False,
    ),
    "the rollout stands still": (
        replace(WELL, inference=UNREADY, standstill="the rollout of t-inference stands still: no GPU"),
        False,
        Reason.ROLLOUT_STALLED,
        False,
        True,
    ),
    "the deadline passed, and then all were ready": (
        replace(WELL, standstill="the rollout of t-inference stands still: no GPU"),
        True,
        Reason.IN_SYNC,
        False,
        False,
    ),
    "an upgrade waits for its turn": (
        replace(WELL, state=ReleaseState.OUT_OF_SYNC, held="waits for demo/a"),
        True,
        Reason.WAITING_FOR_WAVE,
        False,
        False,
    ),
    "an upgrade waits for its turn and a pod is down": (
        replace(WELL, state=ReleaseState.OUT_OF_SYNC, held="waits for demo/a", inference=UNREADY),
        None,
        Reason.ROLLING_OUT,
        True,
        False,
    ),
    "not checked yet": (replace(WELL, verification=None), None, Reason.VERIFYING, True, False),
    "no answer yet": (
        replace(WELL, verification=Verification(None, Reason.VERIFYING, "refused")),
        None,
        Reason.VERIFYING,
        True,
        False,
    ),
    "the wrong model answers": (
        replace(WELL, verification=Verification(False, Reason.VERIFICATION_FAILED, "Tiny")),
        False,
        Reason.VERIFICATION_FAILED,
        True,
        False,
    ),
    "weaviate wants credentials": (
        replace(WELL, verification=Verification(None, Reason.AUTHENTICATION_REQUIRED, "401", blocks=False)),
        True,
        Reason.IN_SYNC,
        False,
        False,
    ),
    "nobody asks": (SLEEPING, True, Reason.ASLEEP, False, False),
    "nobody asks, and Weaviate has lost its module": (
        replace(SLEEPING, verification=Verification(False, Reason.VERIFICATION_FAILED, "gone")),
        False,
        Reason.VERIFICATION_FAILED,
        True,
        False,
    ),
    "somebody asks again": (
        replace(SLEEPING, inference=replace(SCALED, ready=0), scaling=replace(SCALING, is_waking=True)),
        None,
        Reason.WAKING,
        True,
        False,
    ),
    "somebody asks again, and the pod cannot be scheduled": (
        replace(
            SLEEPING,
            inference=replace(SCALED, ready=0),
            scaling=replace(SCALING, is_waking=True),
            problem=PROBLEM,
        ),
        False,
        Reason.UNSCHEDULABLE,
        True,
        False,
    ),
    "an autoscaler adds pods": (
        replace(WELL, inference=replace(SCALED, wanted=4), scaling=SCALING, problem=PROBLEM),
        True,
        Reason.IN_SYNC,
        False,
        False,
    ),
    "an autoscaler has fewer pods than its least": (
        replace(WELL, inference=replace(SCALED, wanted=4, least=3), scaling=SCALING),
        None,
        Reason.ROLLING_OUT,
        True,
        False,
    ),
    "scaled pods are replaced": (
        replace(WELL, inference=replace(SCALED, is_updated=False), scaling=SCALING),
        None,
        Reason.ROLLING_OUT,
        True,
        False,
    ),
    "no inference pods are wanted": (
        replace(
            WELL,
            inference=replace(INFERENCE, wanted=0, ready=0),
            verification=Verification(None, Reason.NO_INFERENCE_PODS, "-", blocks=False),
        ),
        True,
        Reason.IN_SYNC,
        False,
        False,
    ),
}


@pytest.mark.parametrize(("facts", "status", "reason", "reconciling", "stalled"), CASES.values(), ids=CASES)
def test_verdict(facts: Facts, status: bool | None, reason: Reason, reconciling: bool, stalled: bool) -> None:
    verdicts = judge_all(facts)
    ready = verdicts[ConditionType.READY]
    assert (ready.status, ready.reason) == (status, reason)
    assert verdicts[ConditionType.RECONCILING].status is reconciling
    assert verdicts[ConditionType.STALLED].status is stalled
    # Those of backups are there only where they are asked for.
    assert set(verdicts) == set(ConditionType) - {ConditionType.BACKED_UP, ConditionType.RESTORED}


@pytest.mark.parametrize("state", ReleaseState)
@pytest.mark.parametrize("failure", [None, RETRYING, STALLED])
def test_every_state_has_a_verdict_with_a_message(state: ReleaseState, failure: Failure | None) -> None:
    if state is ReleaseState.FOREIGN and failure is None:
        failure = Failure(Reason.FOREIGN_OWNER, "not ours", is_final=True)
    facts = Facts(state=state, failure=failure)
    assert all(verdict.message for verdict in judge_all(facts).values())


def test_problem_is_reported_as_the_cluster_says_it() -> None:
    assert judge(replace(WELL, problem=PROBLEM, inference=UNREADY)).message == "0/1 nodes are available"


def test_a_sleeping_one_says_what_wakes_it_and_how_long_that_takes() -> None:
    verdicts = judge_all(SLEEPING)
    message = verdicts[ConditionType.READY].message
    assert "the next request wakes the first one; the last pod took 12 s to start" in message
    inference = verdicts[ConditionType.INFERENCE_READY]
    assert (inference.status, inference.reason) == (False, Reason.ASLEEP)
    assert verdicts[ConditionType.VERIFIED].status is None
    waking = judge(CASES["somebody asks again"][0]).message
    assert "holds requests until the first inference pod is ready; the last one took 12 s" in waking


def test_zero_inference_pods_are_reported() -> None:
    facts = CASES["no inference pods are wanted"][0]
    assert "without inference pods" in judge(facts).message
    inference = judge_all(facts)[ConditionType.INFERENCE_READY]
    assert (inference.status, inference.reason) == (False, Reason.SCALED_TO_ZERO)
