"""When a backup is due, what it is called, and what the status says after each news."""

from datetime import UTC, datetime
from typing import Any

import pytest

from bind_operator.api import parse_resource
from bind_operator.api.backup import Backup
from bind_operator.api.backup_status import BackupStatus
from bind_operator.errors import InvalidSpec
from bind_operator.policy.backup import (
    EMPTY,
    NEVER_TOLD,
    OVERDUE_S,
    Begun,
    Delayed,
    Ended,
    News,
    Nothing,
    Refused,
    Run,
    due_run,
    judge_backup,
    overdue_seconds,
    plan_ahead,
    read_backup,
    requested_id,
    seconds_to_next,
    take_news,
)
from bind_operator.policy.facts import Key
from bind_operator.policy.weaviate_answers import Process
from bind_operator.reasons import Reason
from support.resources import merged, tiny_resource

KEY, UID = Key("demo", "search"), "u-1"
SPEC = Backup.model_validate({"s3": {"bucket": "b"}, "schedule": "0 3 * * *"})
UNPLANNED = SPEC.model_copy(update={"schedule": None})


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


MONDAY = at("2026-11-23T12:00:00")


def planned(now: float, spec: Backup = SPEC, status: BackupStatus | None = None) -> BackupStatus:
    return plan_ahead(status or BackupStatus(), spec, now)


def due(status: BackupStatus, now: float, spec: Backup = SPEC, request: str | None = None) -> Run | None:
    return due_run(KEY, UID, spec, status, request, now)


def told(status: BackupStatus, *news: News, now: float = MONDAY) -> BackupStatus:
    for one in news:
        status = take_news(status, one, now)
    return status


def test_a_new_schedule_makes_up_for_nothing() -> None:
    status = planned(MONDAY)
    assert (status.since, status.next_time) == ("2026-11-23T12:00:00Z", "2026-11-24T03:00:00Z")
    assert due(status, MONDAY) is None
    assert seconds_to_next(status, MONDAY) == 15 * 3600


def test_it_is_due_at_its_very_second_and_its_id_carries_the_time() -> None:
    status = planned(MONDAY)
    assert due(status, at("2026-11-24T02:59:59")) is None
    run = Run("demo_search_20261124t030000z", "2026-11-24T03:00:00Z")
    assert due(status, at("2026-11-24T03:00:00")) == run
    # Another operator, or the same one later, gives it the same name.
    assert due(planned(MONDAY + 90000, status=status), at("2026-11-24T09:00:00")) == run


def test_of_the_times_that_were_missed_the_last_one_is_made_up_for_once() -> None:
    later = at("2026-11-28T10:00:00")
    run = due(planned(MONDAY), later)
    assert run is not None
    assert run.id == "demo_search_20261128t030000z"
    after = plan_ahead(told(planned(MONDAY), Begun(run), now=later), SPEC, later)
    assert due(after, later) is None
    assert after.next_time == "2026-11-29T03:00:00Z"


def test_another_schedule_begins_anew() -> None:
    hourly = SPEC.model_copy(update={"schedule": "30 * * * *"})
    status = planned(MONDAY + 60, hourly, planned(MONDAY - 864000))
    assert (status.since, status.next_time) == ("2026-11-23T12:01:00Z", "2026-11-23T12:30:00Z")
    assert due(status, MONDAY + 60, hourly) is None


def test_a_suspended_schedule_has_no_next_time_and_makes_up_once_when_it_goes_on() -> None:
    off = SPEC.model_copy(update={"suspend": True})
    later = at("2026-11-26T10:00:00")
    status = planned(later, off, planned(MONDAY))
    assert (status.next_time, due(status, later, off, request="1")) == (None, None)
    run = due(planned(later, SPEC, status), later)
    assert run is not None
    assert run.scheduled == "2026-11-26T03:00:00Z"


def test_a_request_is_followed_once_for_each_value() -> None:
    status = planned(MONDAY, UNPLANNED)
    run = due(status, MONDAY, UNPLANNED, request="a")
    assert run == Run(requested_id(KEY, UID, "a"), None, "a")
    after = told(status, Begun(run))
    assert due(after, MONDAY, UNPLANNED, request="a") is None
    assert due(after, MONDAY, UNPLANNED, request="b") is not None
    # The annotation came along when the manifest was applied for another resource of that name.
    assert requested_id(KEY, "u-2", "a") != requested_id(KEY, UID, "a")


def test_a_request_at_the_time_of_the_schedule_is_one_backup() -> None:
    now = at("2026-11-24T03:00:01")
    status = planned(MONDAY)
    run = due(status, now, request="a")
    assert run is not None
    assert (run.request, run.scheduled) == ("a", "2026-11-24T03:00:00Z")
    assert due(told(status, Begun(run)), now, request="a") is None


@pytest.mark.parametrize("request_", ["x y", "", "ä" * 300])
def test_ids_are_what_weaviate_takes(request_: str) -> None:
    ids = [requested_id(KEY, UID, request_)]
    assert all(one.isascii() and set(one) <= set("abcdefghijklmnopqrstuvwxyz0123456789_-") for one in ids)


RUN = Run("demo_search_1", "2026-11-23T03:00:00Z")
DONE = Process("SUCCESS", completed="2026-11-23T12:00:09Z", duration_s=9, size_bytes=2048)


def test_a_good_backup_is_told_with_what_a_restore_is_held_to() -> None:
    status = told(planned(MONDAY), Begun(RUN, {"A": 200}))
    assert status.running is not None
    verdict = judge_backup(status, suspended=False)
    assert (verdict.status, verdict.reason) == (None, Reason.NO_BACKUP_YET)
    assert "demo_search_1 is running" in verdict.message
    status = told(status, Ended(RUN.id, DONE, {"A": 200}))
    good = status.last_success
    assert good is not None
    assert (good.time, good.duration_seconds, good.size_bytes) == ("2026-11-23T12:00:09Z", 9, 2048)
    assert (good.objects, status.running) == ({"A": 200}, None)
    assert judge_backup(status, suspended=False).status is True


def test_objects_that_changed_meanwhile_are_not_held_to() -> None:
    status = told(planned(MONDAY), Begun(RUN, {"A": 200}), Ended(RUN.id, DONE, {"A": 201}))
    assert status.last_success is not None
    assert status.last_success.objects is None


def test_a_failed_backup_is_told_until_a_good_one_comes() -> None:
    broken = Process("FAILED", "put object: no such host", "2026-11-23T12:00:05Z")
    status = told(planned(MONDAY), Begun(RUN), Ended(RUN.id, broken))
    verdict = judge_backup(plan_ahead(status, SPEC, MONDAY), suspended=False)
    assert (verdict.status, verdict.reason) == (False, Reason.BACKUP_FAILED)
    assert "put object: no such host" in verdict.message
    assert "the next is due at 2026-11-24T03:00:00Z" in verdict.message
    status = told(status, Begun(Run("n")), Ended("n", DONE))
    assert judge_backup(status, suspended=False).status is True
    assert status.last_failure is not None


def test_one_that_weaviate_refuses_is_a_failure_and_not_tried_again() -> None:
    later = at("2026-11-24T03:00:00")
    run = due(planned(MONDAY), later)
    assert run is not None
    status = told(planned(MONDAY), Refused(run, "the access key does not exist"), now=later)
    assert due(plan_ahead(status, SPEC, later), later) is None
    assert judge_backup(status, suspended=False).message.startswith(f"backup {run.id} failed: the access key")


def test_without_collections_there_is_nothing_to_back_up_and_no_fault() -> None:
    status = told(planned(MONDAY), Nothing(RUN))
    verdict = judge_backup(status, suspended=False)
    assert (verdict.status, verdict.reason) == (None, Reason.NO_BACKUP_YET)
    assert EMPTY in verdict.message


def test_one_that_cannot_begin_stays_due_and_is_told_after_an_hour() -> None:
    later = at("2026-11-24T03:00:30")
    status = told(planned(MONDAY), Delayed(RUN, "Weaviate does not answer"))
    run = due(status, later)
    assert run is not None
    assert judge_backup(status, suspended=False, overdue_s=overdue_seconds(run, later)).status is None
    verdict = judge_backup(status, suspended=False, overdue_s=overdue_seconds(run, later + OVERDUE_S))
    assert (verdict.status, verdict.reason) == (False, Reason.BACKUP_OVERDUE)
    assert "Weaviate does not answer" in verdict.message


def test_one_whose_end_weaviate_never_told_is_lost_when_the_next_begins() -> None:
    status = told(planned(MONDAY), Begun(RUN), Begun(Run("next")))
    assert status.running is not None
    assert status.running.id == "next"
    assert status.last_failure is not None
    assert (status.last_failure.id, status.last_failure.message) == (RUN.id, NEVER_TOLD)


def test_the_same_news_twice_change_nothing() -> None:
    news: list[News] = [Begun(RUN, {"A": 1}), Ended(RUN.id, DONE, {"A": 1})]
    once = told(planned(MONDAY), *news)
    assert told(once, news[1]) == once
    written = once.model_dump(mode="json", by_alias=True, exclude_none=True)
    assert read_backup({"backup": written}) == once


@pytest.mark.parametrize("spoilt", [{"backup": []}, {"backup": {"running": 3}}, {}])
def test_a_status_that_somebody_spoilt_is_as_none(spoilt: dict[str, Any]) -> None:
    assert read_backup(spoilt) == BackupStatus()


@pytest.mark.parametrize(
    ("schedule", "why"), [("0 25 * * *", "Bad hour"), ("0 0 31 2 *", "Bad day"), ("0 0 30 2 MON", "day")]
)
def test_a_schedule_that_means_nothing_is_refused_with_the_field(schedule: str, why: str) -> None:
    backup = {"s3": {"bucket": "b"}, "schedule": schedule}
    with pytest.raises(InvalidSpec, match=why) as refused:
        parse_resource(merged(tiny_resource("t"), {"spec": {"weaviate": {"backup": backup}}}))
    assert str(refused.value).startswith("spec.weaviate.backup.schedule: must be the five fields of cron")
