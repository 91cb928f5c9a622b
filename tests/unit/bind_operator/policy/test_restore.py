"""What is restored, and what is told of it."""

import pytest

from bind_operator.api.backup import RestoreFrom
from bind_operator.api.backup_status import RestoreStatus
from bind_operator.policy.conditions import Facts, judge_all
from bind_operator.policy.copies import Copies
from bind_operator.policy.facts import Key
from bind_operator.policy.restore import (
    Advanced,
    CheckedCollection,
    judge_check,
    judge_restore,
    latest_prefix,
    node_mapping,
    read_restore,
    source_of_id,
    take_restore_news,
    words_of_source,
)
from bind_operator.policy.state import ReleaseState
from bind_operator.policy.weaviate_answers import latest_good
from bind_operator.reasons import Reason

KEY = Key("demo", "second")
ID = "prod_search_20261124t030000z"
GOOD = CheckedCollection("Things", 200, finds_itself=True)


def test_the_latest_is_of_this_resource_unless_another_is_named() -> None:
    assert latest_prefix(KEY, RestoreFrom()) == "demo_second_"
    spec = RestoreFrom(name="search", namespace="prod")
    assert latest_prefix(KEY, spec) == "prod_search_"
    assert words_of_source(KEY, spec) == "the latest of prod/search"
    assert words_of_source(KEY, RestoreFrom(id=ID)) == ID


def test_the_latest_good_one_is_taken_and_no_namesakes() -> None:
    def one(id_: str, day: int, status: str = "SUCCESS") -> dict[str, str]:
        return {"id": id_, "status": status, "startedAt": f"2026-11-{day:02}T03:00:00.000Z"}

    listed = [one("prod_search_b", 20), one("prod_search_a", 24), one("prod_search_c", 25, "FAILED")]
    listed += [one("prod_search-2_d", 26), one("mine", 27)]
    assert latest_good(listed, "prod_search_") == "prod_search_a"
    assert latest_good([], "prod_search_") is None
    assert latest_good({"error": "x"}, "prod_search_") is None


def test_nodes_are_called_as_the_pods_of_the_release() -> None:
    assert node_mapping(ID, KEY, 2) == {
        "search-weaviate-0": "second-weaviate-0",
        "search-weaviate-1": "second-weaviate-1",
    }
    assert node_mapping(ID, Key("demo", "search"), 2) == {}
    assert node_mapping("by-hand", KEY, 2) == {}
    assert source_of_id(ID) == Key("prod", "search")


def test_a_restore_is_held_to_the_objects_that_were_backed_up() -> None:
    found = judge_check([GOOD], {"Things": 200})
    assert (found.phase, found.objects) == ("Restored", {"Things": 200})
    assert "as many as when the backup was made" in found.message
    assert judge_check([GOOD], None).phase == "Restored"
    short = judge_check([GOOD], {"Things": 201, "Gone": 3})
    assert short.phase == "Failed"
    assert short.message == "Gone has 0 objects instead of 3; Things has 200 objects instead of 201"


def test_an_object_that_its_own_vector_does_not_find_is_a_fault() -> None:
    lost = CheckedCollection("Things", 200, finds_itself=False)
    assert "of Things does not find it" in judge_check([lost], {"Things": 200}).message
    assert judge_check([], None).phase == "Failed"


def test_tenants_are_held_to_what_they_had_as_far_as_they_can_be_counted() -> None:
    held = {"Shared/a": 5, "Shared/b": 7}
    shared = CheckedCollection("Shared", None, True, {"Shared/a": 5}, frozenset({"Shared/b"}))
    found = judge_check([GOOD, shared], held | {"Things": 200})
    assert (found.phase, found.objects) == ("Restored", {"Things": 200, "Shared/a": 5})
    assert found.message.startswith("205 objects in 2 collections, as many as when")
    assert found.message.endswith("; 1 tenants were not counted: they are not active, or there are too many")
    lost = CheckedCollection("Shared", None, True, {"Shared/a": 4})
    assert judge_check([lost], held).message == (
        "Shared/a has 4 objects instead of 5; Shared/b has 0 objects instead of 7"
    )
    unfound = CheckedCollection("Shared", None, False, {"Shared/a": 5})
    assert judge_check([unfound], None).phase == "Failed"


def waiting() -> RestoreStatus:
    return RestoreStatus(source=ID, phase="Waiting")


def test_phases_are_written_with_their_times() -> None:
    status = take_restore_news(waiting(), Advanced("Starting", ID), "2026-11-24T10:00:00Z")
    status = take_restore_news(status, Advanced("Restoring"), "2026-11-24T10:00:01Z")
    status = take_restore_news(status, judge_check([GOOD], None), "2026-11-24T10:00:09Z")
    assert (status.started_time, status.completed_time) == ("2026-11-24T10:00:00Z", "2026-11-24T10:00:09Z")
    assert (status.id, status.objects) == (ID, {"Things": 200})
    written = status.model_dump(mode="json", by_alias=True, exclude_none=True)
    assert read_restore({"restore": written}) == status
    assert read_restore({"restore": {"phase": "Nonsense"}}) is None


@pytest.mark.parametrize(
    ("phase", "status", "reason"),
    [
        ("Waiting", None, Reason.RESTORING),
        ("Restoring", None, Reason.RESTORING),
        ("Restored", True, Reason.RESTORED),
        ("Failed", False, Reason.RESTORE_FAILED),
        ("Refused", False, Reason.RESTORE_REFUSED),
    ],
)
def test_what_the_condition_says(phase: str, status: bool | None, reason: Reason) -> None:
    found = judge_restore(waiting().model_copy(update={"phase": phase, "message": "why"}), ID)
    assert (found.status, found.reason) == (status, reason)


def test_a_change_after_the_restore_is_ignored_with_a_word() -> None:
    done = waiting().model_copy(update={"phase": "Restored"})
    assert "a restore is done once" in judge_restore(done, "another").message
    assert "done once" not in judge_restore(done, None).message


def test_a_refused_restore_is_stalled_and_ready_stays_what_it_is() -> None:
    refused = judge_restore(waiting().model_copy(update={"phase": "Refused", "message": "why"}), ID)
    plain = judge_all(Facts(ReleaseState.ABSENT))
    found = judge_all(Facts(ReleaseState.ABSENT, copies=Copies(restored=refused)))
    assert (found["Stalled"].status, found["Stalled"].reason) == (True, Reason.RESTORE_REFUSED)
    assert found["Ready"] == plain["Ready"]
    assert "Restored" not in plain
