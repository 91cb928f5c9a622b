"""Who may take a Lease, judged by what was seen when, on the local clock."""

from dataclasses import replace
from typing import Any

from bind_operator.policy.lease import (
    LeaseRecord,
    Observation,
    Step,
    build_lease,
    decide_step,
    observe,
    read_lease,
)

HELD = LeaseRecord("a_1", 10.0, "2026-01-01T00:00:00.000000Z", "2026-01-01T00:00:00.000000Z", 3, "7")
NOW = "2030-01-01T00:00:00.000000Z"


def lease(**spec: Any) -> dict[str, Any]:
    return {"metadata": {"resourceVersion": "7"}, "spec": spec}


def test_one_that_is_not_there_is_created() -> None:
    assert decide_step(observe(None, None, 0.0), "b", 0.0) is Step.CREATE


def test_ones_own_is_renewed_even_late() -> None:
    assert decide_step(Observation(HELD, 0.0), "a_1", 100.0) is Step.RENEW


def test_anothers_is_waited_for_since_its_change_was_seen() -> None:
    seen = observe(None, HELD, 50.0)
    assert decide_step(seen, "b", 59.9) is Step.STAND_BY
    assert decide_step(observe(seen, HELD, 60.0), "b", 60.0) is Step.TAKE


def test_a_renewal_begins_the_wait_anew_whatever_its_time_stamp_says() -> None:
    seen = observe(None, HELD, 50.0)
    renewed = observe(seen, replace(HELD, renewed="1999-01-01T00:00:00Z", version="8"), 58.0)
    assert decide_step(renewed, "b", 67.9) is Step.STAND_BY
    assert decide_step(renewed, "b", 68.0) is Step.TAKE


def test_a_change_that_is_no_renewal_does_not() -> None:
    seen = observe(None, HELD, 50.0)
    assert observe(seen, replace(HELD, version="8"), 58.0).since == 50.0


def test_one_that_was_given_back_is_taken_at_once() -> None:
    assert decide_step(observe(None, replace(HELD, holder=""), 50.0), "b", 50.0) is Step.TAKE


def test_the_holders_own_duration_counts() -> None:
    seen = observe(None, replace(HELD, duration_s=60.0), 0.0)
    assert decide_step(seen, "b", 59.0) is Step.STAND_BY


def test_what_is_written_is_read_again() -> None:
    taken = build_lease("n", "bind-operator", "b", 10, HELD, NOW)
    assert taken["metadata"] == {"name": "bind-operator", "namespace": "n", "resourceVersion": "7"}
    assert read_lease(taken) == LeaseRecord("b", 10.0, NOW, NOW, 4, "7")


def test_a_renewal_keeps_since_when_it_is_held() -> None:
    renewed = read_lease(build_lease("n", "x", "a_1", 10, HELD, NOW))
    assert renewed == replace(HELD, renewed=NOW)


def test_one_given_back_has_no_holder_and_no_change_of_it() -> None:
    given = read_lease(build_lease("n", "x", "", 10, HELD, NOW))
    assert given is not None
    assert (given.holder, given.duration_s, given.transitions) == ("", 1.0, 3)


def test_a_new_one_has_no_version() -> None:
    assert "resourceVersion" not in build_lease("n", "x", "a_1", 10, None, NOW)["metadata"]


def test_an_empty_one_can_be_read() -> None:
    assert read_lease(lease()) == LeaseRecord("", 0.0, "", "", 0, "7")
    assert read_lease(None) is None
