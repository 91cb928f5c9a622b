"""What a release tells of its data, once the live check has found it well."""

from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from bind_operator.api import parse_resource
from bind_operator.policy.conditions import Facts
from bind_operator.policy.facts import Key, Verification, Workload
from bind_operator.policy.state import ReleaseState
from bind_operator.reasons import Reason
from bind_operator.reconcile import collections
from bind_operator.reconcile.collections import Collections
from bind_operator.reconcile.memory import Memories
from support.played_weaviate import OwnKeys
from support.resources import merged, tiny_resource

KEY = Key("demo", "t")
RAW: dict[str, Any] = {"metadata": {"uid": "0c5e"}, "spec": {}}
RESOURCE = parse_resource(tiny_resource("t"))
TODAY = "2026-01-02T00:00:00Z"
POD = Workload("t", "t", wanted=1, ready=1, is_current=True)


@dataclass
class FakeKube:
    """Knows where Weaviate is, and records events."""

    asked: int = 0
    reasons: list[Reason] = field(default_factory=list)

    async def service_address(self, key: Key, service: str) -> str:
        assert (key, service) == (KEY, "t-weaviate")
        self.asked += 1
        return "127.0.0.1:1"

    async def record_event(self, resource: Any, reason: Reason, message: str, *, warning: bool) -> None:
        self.reasons.append(reason)


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Holds what Weaviate answers next."""
    answers = [True]

    async def holds_vectors(address: str, timeout_s: float, api_key: str | None) -> bool:
        assert (address, timeout_s, api_key) == ("127.0.0.1:1", 3.0, None)
        return answers[0]

    monkeypatch.setattr(collections, "holds_vectors", holds_vectors)
    return answers


def verified(fingerprint: str | None, reason: Reason = Reason.VERIFIED) -> Facts:
    check = Verification(reason is Reason.VERIFIED or None, reason, "", fingerprint=fingerprint)
    return Facts(ReleaseState.IN_SYNC, weaviate=POD, inference=POD, verification=check)


async def update(memories: Memories, facts: Facts, now: float = 0.0) -> Facts:
    return await memories.update(KEY, RAW, RESOURCE, facts, "containers", now=now, today=TODAY)


@pytest.mark.parametrize("reason", [Reason.VERIFIED, Reason.AUTHENTICATION_REQUIRED])
async def test_the_fingerprint_is_the_live_checks(reason: Reason) -> None:
    kube = FakeKube()
    found = await update(
        Memories(kube, Collections(kube, OwnKeys(), 3.0), 300.0), verified("Tiny-float32-0", reason)
    )  # type: ignore[arg-type]
    assert found.memory.vector_space is not None
    assert found.memory.vector_space.fingerprint == "Tiny-float32-0"
    assert (found.space_problem, kube.asked) == (None, 0)


async def test_another_space_is_told_and_asked_about_now_and_then(held: list[bool]) -> None:
    kube = FakeKube()
    memories = Memories(kube, Collections(kube, OwnKeys(), 3.0), 300.0)  # type: ignore[arg-type]
    before = (await update(memories, verified("Tiny-float32-0"))).memory
    other = replace(verified("Tiny-float32-1"), memory=before)
    for now, asked in ((10.0, 1), (20.0, 1), (311.0, 2)):
        found = await update(memories, other, now)
        assert found.space_problem is not None
        assert (found.memory, kube.asked) == (before, asked)
    assert set(kube.reasons) == {Reason.VECTOR_SPACE_CHANGED}
    held[0] = False
    assert (await update(memories, other, 312.0)).space_problem is not None
    settled = await update(memories, other, 700.0)
    assert settled.space_problem is None
    assert settled.memory.vector_space is not None
    assert settled.memory.vector_space.fingerprint == "Tiny-float32-1"


async def test_what_is_not_verified_tells_nothing_of_its_vectors() -> None:
    kube = FakeKube()
    facts = verified("Tiny-float32-0", Reason.VERIFICATION_FAILED)
    found = await update(Memories(kube, Collections(kube, OwnKeys(), 3.0), 300.0), facts)  # type: ignore[arg-type]
    assert found.memory.weaviate is not None
    assert found.memory.vector_space is None


async def test_of_a_weaviate_that_is_gone_nothing_is_remembered() -> None:
    kube = FakeKube()
    memories = Memories(kube, Collections(kube, OwnKeys(), 3.0), 300.0)  # type: ignore[arg-type]
    before = await update(memories, verified("Tiny-float32-a"))
    assert before.memory.weaviate is not None
    external = {"spec": {"weaviate": {"external": {"url": "http://w.local"}}}}
    resource = parse_resource(merged(tiny_resource("t"), external))
    facts = replace(verified("Tiny-float32-a"), weaviate=None, memory=before.memory)
    after = await memories.update(KEY, RAW, resource, facts, "containers", now=0.0, today=TODAY)
    assert after.memory.weaviate is None
    assert after.memory.vector_space == before.memory.vector_space
