"""What a new operator takes from the status."""

from typing import Any

import pytest

from bind_operator.policy.facts import VectorSketches
from bind_operator.policy.remembered import container_ids, remembered_vectors, restored
from bind_operator.reasons import Reason

VECTORS = {"fingerprint": "f", "text": "00", "image": "01"}


def status(reason: str = "Verified", **more: Any) -> dict[str, Any]:
    condition = {"type": "Verified", "status": "True", "reason": reason, "message": "fine"}
    return {
        "conditions": [{"type": "Ready"}, condition],
        "release": {"digest": "d"},
        "lastVerifiedTime": "2026-01-01T12:00:00Z",
        "verifiedVectors": VECTORS,
    } | more


def pod(started: str, kind: str = "containerStatuses") -> dict[str, Any]:
    return {"status": {kind: [{"containerID": started, "state": {"running": {"startedAt": started}}}]}}


OLD = pod("2026-01-01T11:00:00Z")


def test_a_good_result_of_containers_that_still_run_is_restored() -> None:
    found = restored(status(), "d", [OLD])
    assert found is not None
    assert (found.holds, found.reason, found.message) == (True, Reason.VERIFIED, "fine")
    assert (found.vectors, found.verified_at) == (VectorSketches("f", "00", "01"), "2026-01-01T12:00:00Z")
    secret = restored(status("AuthenticationRequired"), "d", [OLD])
    assert secret is not None
    assert (secret.holds, secret.blocks) == (None, False)


@pytest.mark.parametrize("kind", ["containerStatuses", "initContainerStatuses"])
def test_a_container_that_started_since_has_not_been_verified(kind: str) -> None:
    assert restored(status(), "d", [OLD, pod("2026-01-01T12:00:01Z", kind)]) is None


@pytest.mark.parametrize(
    "before",
    [
        {},
        status("VerificationFailed"),
        status("Verifying"),
        status(release={"digest": "other"}),
        status(release={}),
        status(lastVerifiedTime=None),
        status(conditions=[]),
    ],
    ids=range(7),
)
def test_nothing_else_is(before: dict[str, Any]) -> None:
    assert restored(before, "d", [OLD]) is None


@pytest.mark.parametrize("found", [None, "x", {}, {"fingerprint": "f"}, VECTORS | {"text": None}])
def test_whatever_else_stands_there_is_no_memory(found: Any) -> None:
    assert remembered_vectors({"verifiedVectors": found}) is None


def test_the_gate_is_one_of_the_containers() -> None:
    assert container_ids([pod("b"), pod("a", "initContainerStatuses"), {}]) == ["a", "b"]
