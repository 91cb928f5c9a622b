"""Backups beside the work queue: what is asked of Weaviate, by whom, and how often."""

import asyncio
import dataclasses
from types import SimpleNamespace
from typing import Any

import pytest

from bind_operator.api import parse_resource
from bind_operator.cluster.backups import begin_backup, follow_backup
from bind_operator.policy.answers import Answer, Fault
from bind_operator.policy.backup import Begun, Delayed, Ended, Nothing, Refused, Run
from bind_operator.policy.retention_report import Report
from bind_operator.policy.state import ReleaseState
from bind_operator.reasons import Reason
from bind_operator.reconcile.backups import Backups, Steps
from support.played_weaviate import UP, Api, FakeLook, OwnKeys, Played, as_weaviate
from support.resources import merged, tiny_resource

S3 = {"s3": {"bucket": "b"}, "include": ["Things"], "compressionLevel": "NoCompression", "cpuPercentage": 20}
RUN = Run("demo_t_now-1", None, "1")
NOT_FOUND = Answer("u", 404, {"error": [{"message": "not there"}]})


def refused(status: int, words: str) -> Answer:
    return Answer("u", status, {"error": [{"message": words}]})


def spec() -> Any:
    resource = parse_resource(merged(tiny_resource("t"), {"spec": {"weaviate": {"backup": S3}}}))
    return resource.spec.weaviate.backup


async def test_a_backup_is_asked_for_with_what_the_spec_says() -> None:
    played = Played(GET=NOT_FOUND, POST=Answer("u", 200, {"status": "STARTED"}))
    assert await begin_backup(as_weaviate(played), spec(), RUN) == Begun(RUN, {"Things": 3})
    assert played.asked == [f"GET backups/s3/{RUN.id}", "POST backups/s3"]
    assert played.bodies[-1] == {
        "id": RUN.id,
        "include": ["Things"],
        "config": {"CompressionLevel": "NoCompression", "CPUPercentage": 20},
    }


async def test_one_that_an_operator_before_began_is_adopted_and_not_begun_again() -> None:
    played = Played(GET=Answer("u", 200, {"status": "TRANSFERRING"}))
    assert await begin_backup(as_weaviate(played), spec(), RUN) == Begun(RUN)
    assert played.asked == [f"GET backups/s3/{RUN.id}"]


@pytest.mark.parametrize(
    ("answer", "news"),
    [
        (refused(422, f"backup {RUN.id} already in progress"), Begun),
        (refused(422, "backup other already in progress"), Delayed),
        (refused(422, "no available classes to backup, there's nothing to do here"), Nothing),
        (refused(422, "no backup backend: x, did you enable the right module?"), Delayed),
        (refused(500, "The Access Key Id you provided does not exist"), Refused),
        (refused(401, "anonymous access not enabled"), Refused),
        (Answer("u", fault=Fault.UNREACHABLE, text="refused"), Delayed),
    ],
)
async def test_what_weaviate_s_no_means(answer: Answer, news: type) -> None:
    played = Played(GET=NOT_FOUND, POST=answer)
    assert isinstance(await begin_backup(as_weaviate(played), spec(), RUN), news)


async def test_its_end_is_told_and_nothing_before() -> None:
    for body in ({"status": "STARTED"}, {"status": "FINALIZING"}, {}, None):
        played = Played(GET=Answer("u", 200, body))
        assert await follow_backup(as_weaviate(played), "s3", RUN.id) is None
    # A place that went away: Weaviate may not know, and the end may still come.
    assert await follow_backup(as_weaviate(Played(GET=refused(500, "x"))), "s3", RUN.id) is None
    times = {"startedAt": "2026-11-27T03:00:00.5Z", "completedAt": "2026-11-27T03:00:10.5Z"}
    body = {"status": "SUCCESS", "size": 0.5} | times
    ended = await follow_backup(as_weaviate(Played(GET=Answer("u", 200, body))), "s3", RUN.id)
    assert isinstance(ended, Ended)
    assert (ended.process.duration_s, ended.process.size_bytes) == (10, 2**29)
    assert (ended.process.completed, ended.objects) == ("2026-11-27T03:00:10Z", {"Things": 3})


class World:
    """One resource, the status of which is written after each look as the operator does."""

    def __init__(self, played: Played, backup: dict[str, Any] | None = None, **annotations: str) -> None:
        self.now = 1_000_000_000.0
        self.woken: list[object] = []
        self.events: list[tuple[Reason, str]] = []
        self.played = played
        self.raw = merged(tiny_resource("t", "demo"), {"spec": {"weaviate": {"backup": backup or S3}}})
        self.raw["metadata"] |= {"uid": "u", "annotations": annotations}
        self.start()

    def start(self) -> None:
        """Begin anew, as an operator does that was killed."""
        steps = Steps(Api(self.played), OwnKeys(), self.woken.append)  # type: ignore[arg-type]
        self.backups = Backups(self, steps)  # type: ignore[arg-type]

    @property
    def clock(self) -> Any:
        return SimpleNamespace(now=lambda: self.now)

    async def record_event(self, raw: object, reason: Reason, message: str, *, warning: bool) -> None:
        self.events.append((reason, message))

    async def look(self, *, is_held: bool = False, **more: Any) -> Any:
        """Look, write the status, and let the step end."""
        look: Any = FakeLook(self.raw, **more)
        found = self.backups.look(look, is_held=is_held)
        await self.backups.tell(look, found)
        if found is not None:
            written = found.status.model_dump(mode="json", by_alias=True, exclude_none=True)
            self.raw["status"] = {"backup": written}
        for _ in range(20):
            await asyncio.sleep(0)
        self.backups._tries.clear()
        return found


NOW = "bindvectorizer.dev/backup-now"
DONE = Answer("u", 200, {"status": "SUCCESS"})
OK = Answer("u", 200, {"status": "STARTED"})


async def test_a_request_is_begun_followed_and_told_once() -> None:
    world = World(Played(GET=[NOT_FOUND, OK, DONE], POST=OK), **{NOW: "1"})
    for _ in range(6):
        found = await world.look()
    assert found.status.last_success.objects == {"Things": 3}
    assert [reason for reason, _ in world.events] == [Reason.BACKUP_SUCCEEDED]
    assert [one.split()[0] for one in world.played.asked] == ["GET", "POST", "GET", "GET"]
    assert found.wait_s == float("inf")


async def test_an_operator_killed_right_after_the_begin_makes_no_second_one() -> None:
    world = World(Played(GET=[NOT_FOUND, OK, DONE], POST=OK), **{NOW: "1"})
    await world.look()
    # Weaviate has it, and the operator died before it could write that down.
    assert world.played.asked[-1] == "POST backups/s3"
    world.start()
    for _ in range(4):
        found = await world.look()
    assert world.played.asked.count("POST backups/s3") == 1
    assert found.verdict.status is True


async def test_while_one_runs_the_next_begins_only_if_weaviate_lets_it() -> None:
    minutely = S3 | {"schedule": "* * * * *"}
    busy = refused(422, "backup demo_t_x already in progress")
    answers = [NOT_FOUND, OK, OK, NOT_FOUND, OK, NOT_FOUND, DONE]
    world = World(Played(GET=answers, POST=[OK, busy, OK]), minutely)
    await world.look()
    world.now += 60
    await world.look()
    first = (await world.look()).status.running
    assert first is not None
    world.now += 60
    await world.look()
    assert (await world.look()).status.running == first
    lost = (await world.look()).status
    assert lost.running.id != first.id
    assert lost.last_failure.id == first.id


@pytest.mark.parametrize(
    "more",
    [
        {"suspended": True},
        {"is_held": True},
        {"weaviate": dataclasses.replace(UP, ready=0)},
        {"weaviate": None},
        {"state": ReleaseState.ABSENT},
    ],
)
async def test_nothing_is_asked_for_while_it_may_not_be(more: dict[str, Any]) -> None:
    world = World(Played(), **{NOW: "1"})
    assert (await world.look(**more)).status.running is None
    assert world.played.asked == []


async def test_where_nothing_is_backed_up_nothing_is_found() -> None:
    world = World(Played(), **{NOW: "1"})
    del world.raw["spec"]["weaviate"]["backup"]
    assert await world.look() is None
    assert await World(Played(), **{NOW: "1"}).look(deleting=True) is None


def run_of_retention(hour: int, report: Report) -> dict[str, Any]:
    """Return a pod that has removed old backups, or has not."""
    ended = {"finishedAt": f"2026-11-27T{hour:02}:00:02Z", "exitCode": 0, "message": report.text()}
    metadata = {"name": "p", "creationTimestamp": f"2026-11-27T{hour:02}:00:00Z"}
    return {"metadata": metadata, "status": {"containerStatuses": [{"state": {"terminated": ended}}]}}


async def test_what_is_removed_and_why_nothing_is_are_told_once_and_hold_up_no_backup() -> None:
    keeping = S3 | {"retention": {"keepLast": 2}}
    world = World(Played(GET=[NOT_FOUND, OK, DONE], POST=OK), keeping, **{NOW: "1"})
    well = run_of_retention(3, Report(2, "2026-11-26T03:00:00Z", ("demo_t_now-0123456789",)))
    bad = run_of_retention(4, Report(None, None, fault="AccessDenied; correct them"))
    for pods in ((), (well,), (well,), (well, bad), (bad,), (bad,), ()):
        found = await world.look(retention_pods=pods)
    told = [one for one in world.events if one[0] is not Reason.BACKUP_SUCCEEDED]
    kept = "2 are kept, the oldest of 2026-11-26T03:00:00Z"
    assert told == [
        (Reason.BACKUPS_REMOVED, f"removed demo_t_now-0123456789; {kept}"),
        (Reason.RETENTION_FAILED, "old backups are not removed: AccessDenied; correct them"),
    ]
    assert (found.verdict.status, found.verdict.reason) == (True, Reason.BACKUP_SUCCEEDED)
    assert "old ones are not removed: AccessDenied; correct them" in found.verdict.message
    assert found.status.retention.kept == 2
    del world.raw["spec"]["weaviate"]["backup"]["retention"]
    assert (await world.look(retention_pods=(bad,))).status.retention is None


@pytest.mark.parametrize(
    ("authentication", "shown"),
    [
        (None, "own"),
        ({"anonymousAccess": True}, None),
        ({"apiKeys": {"secretName": "mine"}}, None),
    ],
    ids=["closed", "open", "keys of the user's"],
)
async def test_the_operator_shows_a_key_where_it_has_made_itself_a_user(
    authentication: Any, shown: str | None
) -> None:
    api, asked = Api(Played()), asyncio.Event()
    weaviate = {"authentication": authentication} if authentication is not None else {}
    look = FakeLook(merged(tiny_resource("t", "demo"), {"spec": {"weaviate": weaviate}}))
    steps = Steps(api, OwnKeys(), lambda key: asked.set())  # type: ignore[arg-type]

    async def nothing(weaviate: Any) -> None:
        return None

    steps.start(look, nothing)  # type: ignore[arg-type]
    await asked.wait()
    assert api.shown == [shown]
