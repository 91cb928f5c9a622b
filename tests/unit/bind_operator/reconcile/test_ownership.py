"""Whose the latest revision is, and whether the operator stands back, by situations."""

from dataclasses import dataclass, replace
from typing import Any

import pytest

from bind_operator.policy.facts import Key, Revision
from bind_operator.reconcile.ownership import Ownership, build_ownership
from bind_operator.release.storage import HelmDriver, Record

KEY = Key("demo", "t")
OURS = Revision(1, "superseded", True, "d", "c-1", 0.0, is_labelled=True)
THEIRS = replace(OURS, number=2, status="deployed", managed=False)
UPGRADE, ROLLBACK, OWN_ROLLBACK = Record((), False), Record((), True), Record((), True, is_marked=True)


@dataclass
class FakeRecords:
    """Has one record, or none."""

    record: Record | None
    driver: HelmDriver = HelmDriver.CONFIG_MAP

    async def read(self, key: Key, revision: Revision) -> Record | None:
        return self.record


class FakeKube:
    """Takes events."""

    async def record_event(self, *_: Any, **__: Any) -> None:
        return None


def make(record: Record | None = UPGRADE) -> Ownership:
    return build_ownership(FakeKube(), FakeRecords(record))  # type: ignore[arg-type]


def raw(policy: str = "TakeBack", *, deleting: bool = False) -> dict[str, Any]:
    metadata = {"name": "t", **({"deletionTimestamp": "x"} if deleting else {})}
    return {"metadata": metadata, "spec": {"takeoverPolicy": policy}}


@pytest.mark.parametrize(
    ("status", "record", "managed"),
    [
        ("deployed", UPGRADE, False),
        ("deployed", None, False),
        ("deployed", ROLLBACK, True),
        ("deployed", OWN_ROLLBACK, True),
        ("pending-rollback", ROLLBACK, False),
        ("pending-rollback", OWN_ROLLBACK, True),
        ("pending-upgrade", UPGRADE, False),
    ],
)
async def test_a_rollback_to_ours_is_ours(status: str, record: Record | None, managed: bool) -> None:
    latest = replace(THEIRS, status=status)
    [found, _] = await make(record).recognise(KEY, (latest, OURS))
    assert found.managed is managed


async def test_our_own_revision_is_not_read() -> None:
    assert await make(None).recognise(KEY, (OURS,)) == (OURS,)


def test_it_stands_back_only_from_what_was_taken_over_and_where_the_policy_says_so() -> None:
    ownership = make()
    assert ownership.stands_back(KEY, raw("StandBack"), (THEIRS, OURS), 0.0)
    assert not ownership.stands_back(KEY, raw("TakeBack"), (THEIRS, OURS), 0.0)
    assert not ownership.stands_back(KEY, raw("StandBack"), (OURS,), 0.0)
    assert not ownership.stands_back(KEY, raw("StandBack"), (), 0.0)


async def test_what_was_taken_back_too_often_is_left_but_for_a_deletion() -> None:
    ownership = make()
    for now in (0.0, 1.0, 2.0):
        assert not ownership.stands_back(KEY, raw(), (THEIRS, OURS), now)
        await ownership.take_back(KEY, raw(), THEIRS, now)
    assert ownership.stands_back(KEY, raw(), (THEIRS, OURS), 3.0)
    assert not ownership.stands_back(KEY, raw(deleting=True), (THEIRS, OURS), 3.0)
    assert not ownership.stands_back(KEY, raw(), (THEIRS, OURS), 3602.0)
