"""Resources that are asleep are woken by who waits at their gates, and by nothing else."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from bind_operator.api import parse_resource
from bind_operator.cluster.autoscaling import Autoscalers
from bind_operator.cluster.kube import Observed
from bind_operator.errors import ApiRefused, ApiUnavailable, NotLeader
from bind_operator.policy.autoscaling import Counts
from bind_operator.policy.facts import Key, Workload
from bind_operator.policy.memory import NOTHING_KNOWN
from bind_operator.policy.state import ReleaseState
from bind_operator.reconcile import sleepers as module
from bind_operator.reconcile.look import Look
from bind_operator.reconcile.sleepers import Sleepers, sleeper_of
from support.resources import merged, tiny_resource

KEY = Key("demo", "t")
Scaled = list[tuple[Key, int, int]]


@dataclass
class Recorded:
    """It takes the place of what writes to the cluster."""

    scaled: Scaled = field(default_factory=list)
    error: Exception | None = None

    async def scale(self, key: Key, before: int, after: int) -> None:
        self.scaled.append((key, before, after))
        if self.error is not None:
            raise self.error


@dataclass
class Gates:
    """It answers for all gates."""

    counts: Counts | None
    asked: list[tuple[str, ...]] = field(default_factory=list)

    async def __call__(self, gates: Sequence[str]) -> Counts | None:
        self.asked.append(tuple(gates))
        return self.counts


def pod(component: str, address: str, **metadata: Any) -> dict[str, Any]:
    labels = {"app.kubernetes.io/component": component}
    return {"metadata": {"name": address, "labels": labels, **metadata}, "status": {"podIP": address}}


def look(wanted: int, key: Key = KEY, **autoscaling: Any) -> Look:
    fields = {"minReplicas": 0, "maxReplicas": 4, "target": {"cpuUtilization": 80}} | autoscaling
    manifest = merged(
        tiny_resource(key.name, key.namespace), {"spec": {"inference": {"autoscaling": fields}}}
    )
    inference = Workload("t-inference", "t", wanted=wanted, ready=wanted, is_current=True, is_updated=True)
    pods = (
        pod("weaviate", "10.0.0.2"),
        pod("weaviate", "10.0.0.1"),
        pod("weaviate", "10.0.0.9", deletionTimestamp="x"),
        pod("inference", "10.0.0.3"),
        pod("weaviate", ""),
    )
    observed = Observed((), None, inference, None, pods, ())
    resource = parse_resource(manifest)
    return Look(
        KEY if key is KEY else key, manifest, resource, None, observed, ReleaseState.IN_SYNC, NOTHING_KNOWN
    )


def made(error: Exception | None = None) -> tuple[Sleepers, Scaled]:
    recorded = Recorded(error=error)
    return Sleepers(recorded), recorded.scaled  # type: ignore[arg-type]


async def test_a_request_that_waits_wakes_once() -> None:
    sleepers, scaled = made()
    sleepers.note(look(0), is_well=True)
    gates = Gates(Counts(0, 5))
    await sleepers.round(gates)
    assert (scaled, gates.asked) == ([], [("10.0.0.1", "10.0.0.2")])
    gates.counts = Counts(2, 5)
    await sleepers.round(gates)
    await sleepers.round(gates)
    assert scaled == [(KEY, 0, 1)]


async def test_who_is_awake_is_put_to_sleep_when_nobody_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(module.time, "monotonic", lambda: now)
    sleepers, scaled = made()
    sleepers.note(look(3, sleepAfterSeconds=60), is_well=True)
    gates = Gates(Counts(0, 5))
    await sleepers.round(gates)
    await sleepers.round(gates)
    assert len(gates.asked) == 1, "one that is awake is asked less often"
    now = 1059.0
    await sleepers.round(gates)
    assert scaled == []
    now = 1065.0
    sleepers.note(look(3, sleepAfterSeconds=60), is_well=False)
    await sleepers.round(gates)
    assert scaled == [], "something is under way"
    now = 1070.0
    sleepers.note(look(3, sleepAfterSeconds=60), is_well=True)
    await sleepers.round(gates)
    assert scaled == [(KEY, 3, 0)]


@pytest.mark.parametrize("error", [ApiUnavailable("x"), ApiRefused("x"), NotLeader("x")])
async def test_what_could_not_be_scaled_is_tried_again(error: Exception) -> None:
    sleepers, scaled = made(error)
    sleepers.note(look(0), is_well=True)
    gates = Gates(Counts(1, 5))
    await sleepers.round(gates)
    await sleepers.round(gates)
    assert scaled == [(KEY, 0, 1)] * 2


async def test_a_bug_with_one_wakes_the_others() -> None:
    sleepers, scaled = made(ZeroDivisionError())
    other = Key("demo", "other")
    sleepers.note(look(0), is_well=True)
    sleepers.note(look(0, other), is_well=True)
    await sleepers.round(Gates(Counts(1, 5)))
    assert scaled == [(KEY, 0, 1), (other, 0, 1)]


async def test_a_spec_that_was_spoilt_is_still_woken_and_one_that_is_gone_is_not() -> None:
    sleepers, scaled = made()
    sleepers.note(look(0), is_well=True)
    sleepers.note(replace(look(0), resource=None), is_well=False)
    await sleepers.round(Gates(Counts(1, 5)))
    assert scaled == [(KEY, 0, 1)]
    sleepers.forget(KEY)
    await sleepers.round(Gates(Counts(1, 5)))
    assert len(scaled) == 1


async def test_without_any_gate_nobody_can_ask() -> None:
    sleepers, scaled = made()
    found = look(0)
    sleepers.note(replace(found, observed=replace(found.observed, pods=())), is_well=True)
    for _ in range(20):
        await sleepers.round(Gates(Counts(1, 1)))
    assert scaled == []


def test_only_who_may_be_at_none_is_looked_at() -> None:
    assert sleeper_of(look(1, minReplicas=1), is_well=True) is None
    at_none = sleeper_of(look(0, minReplicas=2), is_well=True)
    assert at_none is not None
    assert at_none.least == 2
    deleted = look(0)
    raw = merged(dict(deleted.raw), {"metadata": {"deletionTimestamp": "x"}})
    assert sleeper_of(replace(deleted, raw=raw), is_well=True) is None
    suspended = sleeper_of(
        replace(look(1), raw=merged(dict(look(1).raw), {"spec": {"suspend": True}})), is_well=True
    )
    assert suspended is not None
    assert not suspended.may_sleep


async def test_scaling_is_of_the_number_that_was_seen() -> None:
    calls: list[Any] = []

    class Client:
        async def edit(self, path: str, operations: Any, *, manager: str) -> None:
            calls.append((path, operations, manager))

    await Autoscalers(Client()).scale(KEY, 0, 1)  # type: ignore[arg-type]
    ((path, operations, manager),) = calls
    assert path == "/apis/apps/v1/namespaces/demo/deployments/t-inference"
    assert operations[0] == {"op": "test", "path": "/spec/replicas", "value": 0}
    assert operations[1]["value"] == 1
    assert manager == "bind-operator"
