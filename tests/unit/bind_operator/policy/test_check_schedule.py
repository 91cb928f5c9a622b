"""When the live check is due, and what counts meanwhile."""

from bind_operator.policy.check_schedule import MAX_BUSY, MAX_SILENT, CheckSchedule, backoff_s
from bind_operator.policy.facts import Key, Verification
from bind_operator.policy.turns import turn_in_s
from bind_operator.reasons import Reason

KEY = Key("demo", "t")
GOOD = Verification(True, Reason.VERIFIED, "fine")
SILENT = Verification(None, Reason.VERIFYING, "refused")
BUSY = Verification(None, Reason.INFERENCE_BUSY, "full")
REFUSED = Verification(
    None, Reason.VERIFYING, "not verified yet: refused", in_the_end="refused; if a NetworkPolicy"
)
WRONG = Verification(False, Reason.VERIFICATION_FAILED, "Huge")


def checked(*results: Verification) -> CheckSchedule:
    schedule = CheckSchedule(interval_s=300.0)
    for result in results:
        schedule.record(KEY, "a", result, now=0.0)
    return schedule


def test_a_good_result_counts_for_its_containers_and_for_the_interval() -> None:
    schedule = checked(GOOD)
    assert schedule.verdict(KEY, "a") == GOOD
    due = turn_in_s(KEY, 300.0, 0.0)
    assert 0 < due <= 300
    assert schedule.wait_s(KEY, "a", now=due / 2) == due / 2
    assert schedule.wait_s(KEY, "a", now=301.0) == 0.0
    assert schedule.verdict(KEY, "b") is None
    assert schedule.wait_s(KEY, "b", now=1.0) == 0.0


def test_a_result_that_is_not_good_is_tried_again_ever_more_slowly() -> None:
    assert [backoff_s(failures) for failures in range(1, 9)] == [1, 2, 4, 8, 16, 32, 60, 60]
    assert backoff_s(10_000) == 60
    waits = [checked(*[WRONG] * count).wait_s(KEY, "a", now=0.0) for count in range(1, 9)]
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60]
    assert checked(WRONG, WRONG, GOOD, WRONG).wait_s(KEY, "a", now=0.0) == 1


def test_a_verified_system_loses_the_word_at_the_third_lost_check() -> None:
    assert checked(GOOD, *[SILENT] * (MAX_SILENT - 1)).verdict(KEY, "a") == GOOD
    assert checked(GOOD, *[SILENT] * MAX_SILENT).verdict(KEY, "a") == SILENT


def test_a_busy_server_keeps_the_word_longer() -> None:
    assert checked(GOOD, *[BUSY] * (MAX_BUSY - 1)).verdict(KEY, "a") == GOOD
    assert checked(GOOD, *[BUSY] * MAX_BUSY).verdict(KEY, "a") == BUSY


def test_a_fault_counts_at_once() -> None:
    assert checked(GOOD, WRONG).verdict(KEY, "a") == WRONG


def test_silence_after_a_fault_is_silence() -> None:
    assert checked(WRONG, SILENT).verdict(KEY, "a") == SILENT


def test_a_connection_that_goes_on_to_be_refused_is_a_fault() -> None:
    early = checked(*[REFUSED] * (MAX_SILENT - 1)).verdict(KEY, "a")
    assert early == REFUSED
    found = checked(*[REFUSED] * MAX_SILENT).verdict(KEY, "a")
    assert found is not None
    assert (found.holds, found.reason) == (False, Reason.VERIFICATION_FAILED)
    assert found.message == "refused; if a NetworkPolicy"
    assert checked(*[REFUSED] * MAX_SILENT, GOOD).verdict(KEY, "a") == GOOD


def test_a_verified_system_that_refuses_keeps_the_word_as_long_as_a_silent_one() -> None:
    assert checked(GOOD, *[REFUSED] * (MAX_SILENT - 1)).verdict(KEY, "a") == GOOD
    found = checked(GOOD, *[REFUSED] * MAX_SILENT).verdict(KEY, "a")
    assert found is not None
    assert found.holds is False


def test_only_connections_in_a_row_are_counted() -> None:
    assert checked(SILENT, SILENT, SILENT, REFUSED).verdict(KEY, "a") == REFUSED
    assert checked(REFUSED, REFUSED, SILENT, REFUSED).verdict(KEY, "a") == REFUSED


def test_other_containers_have_their_own_first_seconds() -> None:
    schedule = checked(*[REFUSED] * MAX_SILENT)
    schedule.record(KEY, "b", REFUSED, now=0.0)
    assert schedule.verdict(KEY, "b") == REFUSED


def test_other_containers_start_anew() -> None:
    schedule = checked(GOOD, WRONG, WRONG)
    schedule.record(KEY, "b", SILENT, now=0.0)
    assert schedule.verdict(KEY, "b") == SILENT
    assert schedule.wait_s(KEY, "b", now=0.0) == 1.0


def test_a_restored_result_counts_and_is_checked_at_once() -> None:
    schedule = CheckSchedule(interval_s=300.0)
    schedule.restore(KEY, "a", GOOD, now=5.0)
    assert schedule.is_known(KEY)
    assert schedule.verdict(KEY, "a") == GOOD
    assert schedule.wait_s(KEY, "a", now=5.0) == 0.0
    schedule.record(KEY, "a", BUSY, now=5.0)
    assert schedule.verdict(KEY, "a") == GOOD


def test_what_is_forgotten_is_not_known() -> None:
    schedule = checked(GOOD)
    schedule.forget(KEY)
    assert not schedule.is_known(KEY)


def test_what_has_a_reason_of_its_own_keeps_it_in_the_end() -> None:
    away = Verification(None, Reason.WEAVIATE_UNREACHABLE, "away", in_the_end="away, check the url")
    found = checked(away, away).verdict(KEY, "a")
    assert found is not None
    assert (found.holds, found.reason) == (None, Reason.WEAVIATE_UNREACHABLE)
    found = checked(away, away, away).verdict(KEY, "a")
    assert found is not None
    assert (found.holds, found.reason) == (False, Reason.WEAVIATE_UNREACHABLE)
    assert found.message == "away, check the url"
