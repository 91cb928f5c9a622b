"""A restore goes on from the phase that the status says, whatever operator comes to it."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from bind_operator.errors import ApiRefused
from bind_operator.policy.answers import Answer, Fault
from bind_operator.policy.state import ReleaseState
from bind_operator.reasons import Reason
from bind_operator.reconcile.backups import Steps
from bind_operator.reconcile.restores import CHECK_AGAIN_TIMES, Restores
from support.played_weaviate import Api, FakeLook, OwnKeys, Played
from support.resources import merged, tiny_resource

ID = "prod_search_20261124t030000z"
LISTED = Answer("u", 200, [{"id": ID, "status": "SUCCESS", "startedAt": "2026-11-24T03:00:00Z"}])
DONE, GOING, OK = (Answer("u", 200, {"status": one}) for one in ("SUCCESS", "TRANSFERRING", "STARTED"))
GONE = Answer("u", 404, {"error": [{"message": "not there"}]})
OBJECT = Answer("u", 200, {"objects": [{"id": "1", "vector": [1.0, 0.0]}]})
SOURCE = {"status": {"backup": {"lastSuccess": {"id": ID, "time": "x", "objects": {"Things": 3}}}}}


class PlayedFull(Played):
    """It also answers the search by a vector: with the object itself."""

    found = "1"

    async def query(self, text: str) -> Any:
        return {"Get": {"Things": [{"_additional": {"id": self.found, "distance": 0.0}}]}}


class World:
    """A new resource `t`, which begins with the latest backup of prod/search."""

    def __init__(self, played: Played, source: Any = SOURCE, **restore: str) -> None:
        self.played, self.source = played, source
        self.events: list[tuple[Reason, str]] = []
        fields = restore or {"name": "search", "namespace": "prod"}
        weaviate = {"backup": {"s3": {"bucket": "b"}}, "restoreFrom": fields}
        self.raw = merged(tiny_resource("t", "demo"), {"spec": {"weaviate": weaviate}})
        self.start()

    def start(self) -> None:
        """Begin anew, as an operator does that was killed."""
        steps = Steps(Api(self.played), OwnKeys(), lambda key: None)  # type: ignore[arg-type]
        self.restores = Restores(self, steps)  # type: ignore[arg-type]

    @property
    def clock(self) -> Any:
        return SimpleNamespace(timestamp=lambda: "2026-11-27T10:00:00Z")

    async def read_resource(self, key: object) -> Any:
        if isinstance(self.source, Exception):
            raise self.source
        return self.source

    async def record_event(self, raw: object, reason: Reason, message: str, *, warning: bool) -> None:
        self.events.append((reason, message))

    async def look(self, times: int = 1, **more: Any) -> Any:
        """Look, write the status, and let the step end."""
        for _ in range(times):
            look: Any = FakeLook(self.raw, **more)
            found = self.restores.look(look)
            await self.restores.tell(look, found)
            if found is not None:
                written = found.status.model_dump(mode="json", by_alias=True, exclude_none=True)
                self.raw["status"] = {"restore": written}
            for _ in range(30):
                await asyncio.sleep(0)
            tries = self.restores._tries
            for key, (count, _) in list(tries.items()):
                tries[key] = (count, 0.0)
        return found


def restoring(*more: Answer) -> PlayedFull:
    return PlayedFull(GET=[LISTED, *more], POST=[OK])


async def test_the_whole_way() -> None:
    played = restoring(GOING, DONE, OBJECT)
    world = World(played)
    assert (await world.look(2)).status.phase == "Starting"
    played.classes = {}
    await world.look(2)
    assert played.bodies[-1]["node_mapping"] == {"search-weaviate-0": "t-weaviate-0"}
    played.classes = {"Things": {"class": "Things"}}
    found = await world.look(8)
    assert (found.status.phase, found.verdict.status) == ("Restored", True)
    assert "as many as when the backup was made" in found.verdict.message
    assert [reason for reason, _ in world.events] == [Reason.RESTORING, Reason.RESTORED]
    asked = len(played.asked)
    await world.look(3)
    assert len(played.asked) == asked, "it is done once"


async def test_nothing_is_begun_before_it_is_written_down() -> None:
    played = restoring()
    world = World(played)
    await world.look()
    # The answer is there, and its phase is written now; only then comes the next step.
    await world.look()
    assert [one.split()[0] for one in played.asked] == ["GET"]
    await world.look()
    assert played.asked[-1] == f"POST backups/s3/{ID}/restore"


async def test_an_operator_that_comes_after_the_begin_goes_on() -> None:
    played = PlayedFull(GET=[DONE, OBJECT])
    played.classes = {"Things": {"class": "Things"}}
    world = World(played)
    world.raw["status"] = {"restore": {"source": "the latest of prod/search", "id": ID, "phase": "Starting"}}
    found = await world.look(6)
    assert found.status.phase == "Restored"
    assert not any(one.startswith("POST backups") for one in played.asked)


@pytest.mark.parametrize(
    ("restore", "answers", "classes", "words"),
    [
        ({}, [LISTED], {"Mine": {}}, "Weaviate holds collections already (Mine)"),
        ({}, [Answer("u", 200, [])], {}, "there is no good backup of prod/search"),
        ({"id": "x"}, [GONE], {}, "it is not in the place"),
        ({"id": "x"}, [Answer("u", 200, {"status": "FAILED"})], {}, "it is no good backup"),
        ({}, [Answer("u", 500, {"error": [{"message": "AccessDenied"}]})], {}, "AccessDenied"),
    ],
)
async def test_what_is_refused_is_told_with_the_remedy_and_asked_again(
    restore: dict[str, str], answers: list[Answer], classes: dict[str, Any], words: str
) -> None:
    played = Played(GET=answers * 3)
    played.classes = classes
    world = World(played, **restore)
    found = await world.look(3)
    assert (found.status.phase, found.verdict.reason) == ("Refused", Reason.RESTORE_REFUSED)
    assert words in found.verdict.message
    assert [reason for reason, _ in world.events] == [Reason.RESTORE_REFUSED]
    del world.raw["spec"]["weaviate"]["restoreFrom"]
    assert await world.look() is None


async def test_a_weaviate_that_cannot_rename_its_nodes_is_refused_before_anything_is_begun() -> None:
    world = World(Played(GET=[LISTED] * 3))
    world.raw["spec"]["weaviate"]["version"] = "1.35.2"
    found = await world.look(2)
    assert (found.status.phase, found.status.id) == ("Refused", ID)
    assert "spec.weaviate.version to 1.36.0 or newer" in found.verdict.message
    assert "a resource of the name search" in found.verdict.message
    same = World(Played(GET=[LISTED] * 3), name="t", namespace="prod")
    same.raw["spec"]["weaviate"]["version"] = "1.35.2"
    same.played.answers["GET"] = Answer("u", 200, [{"id": "prod_t_1", "status": "SUCCESS"}])
    assert (await same.look(2)).status.phase == "Starting"


async def test_too_few_objects_are_a_failure_only_after_shards_had_time_to_load() -> None:
    played = PlayedFull(GET=[DONE, *[OBJECT] * 20])
    played.classes = {"Things": {"class": "Things"}}
    played.counts = {"Things": 2}
    world = World(played)
    world.raw["status"] = {"restore": {"source": "x", "id": ID, "phase": "Checking"}}
    assert (await world.look(CHECK_AGAIN_TIMES)).status.phase == "Checking"
    found = await world.look(4)
    assert (found.status.phase, found.verdict.reason) == ("Failed", Reason.RESTORE_FAILED)
    assert "Things has 2 objects instead of 3" in found.verdict.message


@pytest.mark.parametrize("source", [None, {}, ApiRefused("no right to it")])
async def test_a_source_that_cannot_be_asked_is_no_fault(source: Any) -> None:
    played = PlayedFull(GET=[OBJECT])
    played.classes = {"Things": {"class": "Things"}}
    world = World(played, source)
    world.raw["status"] = {"restore": {"source": "x", "id": ID, "phase": "Checking"}}
    found = await world.look(3)
    assert found.status.phase == "Restored"
    assert "what the backup had is not known" in found.status.message


async def test_a_weaviate_that_wants_a_key_is_told_with_the_remedy() -> None:
    played = Played(GET=[Answer("u", 401, {"error": [{"message": "anonymous access not enabled"}]})] * 9)
    played.classes = None  # type: ignore[assignment]
    found = await World(played).look(3)
    assert found.verdict.reason is Reason.RESTORE_REFUSED
    assert "spec.weaviate.authentication.apiKeys.secretName" in found.verdict.message


async def test_a_weaviate_that_does_not_answer_is_asked_again() -> None:
    played = Played(GET=[Answer("u", fault=Fault.UNREACHABLE, text="refused")] * 9)
    found = await World(played, id="x").look(3)
    assert (found.status.phase, found.verdict.status) == ("Waiting", None)


@pytest.mark.parametrize("more", [{"suspended": True}, {"weaviate": None}, {"state": ReleaseState.ABSENT}])
async def test_nothing_is_asked_for_while_it_may_not_be(more: dict[str, Any]) -> None:
    world = World(Played())
    await world.look(2, **more)
    assert world.played.asked == []
