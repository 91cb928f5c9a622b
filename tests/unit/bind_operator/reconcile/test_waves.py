"""What the looks at resources make of the waves."""

from typing import Any

import pytest

from bind_operator.cluster.clock import ServerClock
from bind_operator.policy.facts import Key, Revision
from bind_operator.policy.state import ReleaseState
from bind_operator.reconcile.waves import Waves, is_wave

A, B, C = (Key("demo", name) for name in "abc")
OLD = Revision(1, "deployed", managed=True, digest="old", chart="weaviate-bind-0.1.0", created_at=0.0)


class FakeKube:
    def __init__(self, *keys: Key) -> None:
        self.keys = keys
        self.clock = ServerClock()

    async def list_keys(self, namespaces: Any) -> list[Key]:
        return list(self.keys)


def raw(
    *,
    canary: bool = False,
    generation: int = 3,
    observed: int = 3,
    digest: str = "old",
    released: str = "True",
    reason: str = "InSync",
    released_reason: str = "Deployed",
) -> dict[str, Any]:
    labels = {"bindvectorizer.dev/canary": "true"} if canary else {}
    released_condition = {"type": "Released", "status": released, "reason": released_reason}
    conditions = [released_condition, {"type": "Ready", "reason": reason}]
    status = {"observedGeneration": observed, "release": {"digest": digest}, "conditions": conditions}
    return {"metadata": {"generation": generation, "labels": labels}, "status": status}


def waves(*keys: Key, woken: list[Key] | None = None) -> Waves:
    told = woken if woken is not None else []
    return Waves(FakeKube(*keys), lambda: [""], 1, 600, wake=told.append)  # type: ignore[arg-type]


def note(
    waves: Waves, key: Key, state: ReleaseState, *, ready: bool = True, out: bool = False, **more: Any
) -> None:
    waves.note(key, raw(**more), state, OLD, "new", is_ready=ready, is_out=out)


async def test_nobody_goes_before_all_were_looked_at() -> None:
    known = waves(A, B)
    note(known, A, ReleaseState.OUT_OF_SYNC)
    assert not (await known.turn(A, raw())).has_come
    note(known, B, ReleaseState.OUT_OF_SYNC)
    assert (await known.turn(A, raw())).has_come
    assert not (await known.turn(B, raw())).has_come


async def test_the_next_is_woken_when_one_is_ready() -> None:
    woken: list[Key] = []
    known = waves(A, B, C, woken=woken)
    for key in (A, B, C):
        note(known, key, ReleaseState.OUT_OF_SYNC)
    await known.turn(A, raw())
    note(known, A, ReleaseState.IN_SYNC, ready=False)
    assert woken == []
    note(known, A, ReleaseState.IN_SYNC)
    assert woken == [B]


@pytest.mark.parametrize("out", [True, False])
async def test_a_canary_that_is_suspended_holds_nobody_up(out: bool) -> None:
    known = waves(A, B)
    note(known, A, ReleaseState.OUT_OF_SYNC, canary=True, out=out)
    note(known, B, ReleaseState.OUT_OF_SYNC)
    assert (await known.turn(B, raw())).has_come is out


async def test_a_resource_that_is_gone_holds_nobody_up() -> None:
    known = waves(B)
    note(known, A, ReleaseState.OUT_OF_SYNC, canary=True)
    note(known, B, ReleaseState.OUT_OF_SYNC)
    assert (await known.turn(B, raw())).has_come


@pytest.mark.parametrize(
    ("state", "more", "expected"),
    [
        (ReleaseState.OUT_OF_SYNC, {}, True),
        (ReleaseState.OUT_OF_SYNC, {"generation": 4}, False),
        (ReleaseState.OUT_OF_SYNC, {"digest": "new"}, False),
        (ReleaseState.OUT_OF_SYNC, {"released": "False", "reason": "ChangeNeedsConsent"}, False),
        (ReleaseState.OUT_OF_SYNC, {"released": "False", "reason": "WaitingForWave"}, True),
        (ReleaseState.FAILED, {}, False),
        (ReleaseState.OUT_OF_SYNC, {"released": "False", "released_reason": "ProfileMissing"}, True),
        (ReleaseState.OUT_OF_SYNC, {"released": "False", "released_reason": "InvalidSpec"}, False),
    ],
    ids=[
        *("by the operator", "by the spec", "by somebody's hand", "held back", "waiting", "after a failure"),
        *("by a profile that came back", "after a bad spec"),
    ],
)
def test_who_is_out_of_sync_by_what_the_operator_brings(
    state: ReleaseState, more: dict[str, Any], expected: bool
) -> None:
    assert is_wave(raw(**more), state, "new") is expected


def test_who_waits_goes_on_waiting_until_the_spec_changes() -> None:
    known = waves(A)
    note(known, A, ReleaseState.OUT_OF_SYNC)
    waiting: dict[str, Any] = {"released": "False", "reason": "RollingOut"}
    assert known.is_wave(A, raw(**waiting), ReleaseState.OUT_OF_SYNC, "new")
    assert not known.is_wave(A, raw(**waiting, generation=4), ReleaseState.OUT_OF_SYNC, "new")
    assert not known.is_wave(B, raw(**waiting), ReleaseState.OUT_OF_SYNC, "new")
