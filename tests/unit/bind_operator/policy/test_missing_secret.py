"""A Secret that is not there, or an entry of one, is named with what to do, and nothing goes on before it."""

import pytest

from bind_operator.policy.conditions import Facts, judge_all
from bind_operator.policy.diagnosis import diagnose
from bind_operator.policy.facts import Problem, Workload
from bind_operator.policy.state import ReleaseState
from bind_operator.reasons import Reason

WAITING = Workload("t-weaviate", "u", wanted=1, ready=0, is_current=True)


def pod(message: str) -> dict[str, object]:
    waiting = {"waiting": {"reason": "CreateContainerConfigError", "message": message}}
    containers = [{"name": "weaviate", "ready": False, "restartCount": 0, "state": waiting}]
    return {"metadata": {"name": "t-weaviate-0", "uid": "p"}, "status": {"containerStatuses": containers}}


def unmounted(message: str) -> tuple[dict[str, object], dict[str, object]]:
    state = {"waiting": {"reason": "ContainerCreating"}}
    containers = [{"name": "inference", "ready": False, "restartCount": 0, "state": state}]
    found = {"metadata": {"name": "t-x", "uid": "p"}, "status": {"containerStatuses": containers}}
    return found, {
        "involvedObject": {"uid": "p"},
        "reason": "FailedMount",
        "message": message,
        "metadata": {},
    }


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ('secret "search-keys" not found', "the Secret search-keys is not there: create it"),
        (
            "couldn't find key agent in Secret demo/search-keys",
            "the entry agent of the Secret search-keys is not there: add it",
        ),
    ],
)
def test_a_variable_without_its_source(message: str, words: str) -> None:
    found = diagnose([pod(message)], [], [], [])
    assert found is not None
    assert (found.reason, found.lacks_secret) == (Reason.CONTAINER_CONFIG_INVALID, True)
    assert words in found.message
    assert message in found.message


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (
            'MountVolume.SetUp failed for volume "api-keys" : secret "inference-keys" not found',
            "the Secret inference-keys is not there",
        ),
        (
            'MountVolume.SetUp failed for volume "api-keys" : references non-existent secret key: server',
            "the entry server is not there",
        ),
    ],
)
def test_a_volume_without_its_source(message: str, words: str) -> None:
    found_pod, event = unmounted(message)
    found = diagnose([found_pod], [], [event], [])
    assert found is not None
    assert (found.reason, found.lacks_secret) == (Reason.CONTAINER_NOT_STARTED, True)
    assert words in found.message


def test_other_troubles_of_the_kubelet_are_as_ever() -> None:
    found = diagnose([pod('configmap "x" not found')], [], [], [])
    assert found is not None
    assert (found.reason, found.lacks_secret) == (Reason.CONTAINER_CONFIG_INVALID, False)


@pytest.mark.parametrize(("lacks", "stalled"), [(True, True), (False, False)])
def test_it_is_stalled_until_somebody_makes_it(lacks: bool, stalled: bool) -> None:
    problem = Problem(Reason.CONTAINER_CONFIG_INVALID, "why", lacks_secret=lacks)
    conditions = judge_all(Facts(ReleaseState.IN_SYNC, weaviate=WAITING, problem=problem))
    assert (conditions["Ready"].status, conditions["Ready"].reason) == (False, problem.reason)
    assert conditions["Stalled"].status is stalled
