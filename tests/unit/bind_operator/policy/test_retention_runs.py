"""Pods that remove old backups tell the status what came of it, also where they cannot begin."""

from typing import Any

import pytest

from bind_operator.api.retention import RetentionStatus
from bind_operator.policy.retention_report import Report, time_text
from bind_operator.policy.retention_runs import (
    is_of_retention,
    latest_run,
    removed_words,
    take_run,
    words_of,
)

OLDEST = "2026-10-28T03:00:00Z"
WELL = Report(7, OLDEST, ("demo_search_20261027t030000z",)).text()


def pod(created: str, state: Any = None, **more: Any) -> dict[str, Any]:
    metadata = {
        "name": "p",
        "creationTimestamp": created,
        "labels": {"app.kubernetes.io/component": "retention"},
    }
    containers = [{"name": "retention", "state": state}] if state else []
    return {"metadata": metadata, "status": {"containerStatuses": containers} | more}


def ended(message: str, at: str, code: int = 0) -> dict[str, Any]:
    return {"terminated": {"finishedAt": at, "exitCode": code, "message": message}}


def test_what_a_run_removed_stays_told_when_the_next_finds_nothing() -> None:
    first = take_run(None, latest_run([pod("2026-11-27T03:00:00Z", ended(WELL, "2026-11-27T03:00:02Z"))]))
    assert first is not None
    assert (first.kept, first.oldest, first.failure) == (7, OLDEST, None)
    assert removed_words(first) == (
        f"removed demo_search_20261027t030000z; 7 are kept, the oldest of {OLDEST}"
    )
    none = Report(7, OLDEST).text()
    second = take_run(first, latest_run([pod("2026-11-27T04:00:00Z", ended(none, "2026-11-27T04:00:02Z"))]))
    assert second == first.model_copy(update={"last_run_time": "2026-11-27T04:00:02Z"})


def test_the_youngest_pod_that_tells_something_counts_and_an_older_one_changes_nothing() -> None:
    well = pod("2026-11-27T03:00:00Z", ended(WELL, "2026-11-27T03:00:02Z"))
    bad = pod("2026-11-27T02:00:00Z", ended(Report(None, None, fault="no").text(), "2026-11-27T02:00:02Z", 1))
    begins = pod("2026-11-27T04:00:00Z", {"running": {}})
    status = take_run(None, latest_run([bad, begins, well]))
    assert status is not None
    assert status.failure is None
    # The good one has gone, as its Job has.
    assert take_run(status, latest_run([bad])) == status
    assert take_run(status, latest_run([])) == status
    assert take_run(None, None) is None


def test_a_failure_is_told_beside_the_last_backup_and_what_is_known_stays() -> None:
    status = RetentionStatus(last_run_time="2026-11-27T01:00:00Z", kept=7, oldest=OLDEST)
    bad = ended(Report(None, None, fault="AccessDenied; correct it").text(), "2026-11-27T02:00:02Z", 1)
    after = take_run(status, latest_run([pod("2026-11-27T02:00:00Z", bad)]))
    assert after is not None
    assert (after.kept, after.failure) == (7, "AccessDenied; correct it")
    assert words_of(after) == "; old ones are not removed: AccessDenied; correct it"


@pytest.mark.parametrize(
    ("one", "words"),
    [
        (
            pod(
                "t", {"waiting": {"reason": "CreateContainerConfigError", "message": 'secret "s" not found'}}
            ),
            'its pod does not start: CreateContainerConfigError: secret "s" not found',
        ),
        (
            pod("t", conditions=[{"type": "PodScheduled", "status": "False", "message": "0/1 nodes"}]),
            "its pod has no node: 0/1 nodes",
        ),
        (pod("t", ended("Killed", "t", 137)), "exit status 137: Killed"),
        (pod("t", {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}), "exit status 137: OOMKilled"),
        (pod("t", ended("[]", "t", 1)), "exit status 1: []"),
    ],
)
def test_a_pod_that_cannot_begin_or_says_nothing_of_its_own_is_a_failure(one: Any, words: str) -> None:
    run = latest_run([one])
    assert run is not None
    assert run.failure == words


def test_one_that_only_begins_tells_nothing() -> None:
    assert latest_run([pod("t"), pod("t", {"waiting": {"reason": "ContainerCreating"}})]) is None
    assert words_of(None) == words_of(RetentionStatus(last_run_time="t")) == ""


def test_its_pods_are_none_of_a_workload() -> None:
    assert is_of_retention(pod("t"))
    assert not is_of_retention({"metadata": {"labels": {"app.kubernetes.io/component": "weaviate"}}})


def test_a_report_fits_the_last_words_of_a_container() -> None:
    many = Report(5, time_text(0.0), tuple(f"{'n' * 63}_{'m' * 40}_{i}" for i in range(500)), "x" * 9000)
    assert len(many.text().encode()) < 4096
    assert '"removedCount": 500' in many.text()
