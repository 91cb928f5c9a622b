"""Claims around a release, where the API server refuses something."""

from dataclasses import dataclass, field
from typing import Any

from bind_operator.api import parse_resource
from bind_operator.api.status import WeaviateStatus
from bind_operator.cluster.kube import Observed
from bind_operator.errors import ApiRefused, ApiUnavailable
from bind_operator.policy.claims import OWNER_ANNOTATION
from bind_operator.policy.facts import Key, Workload
from bind_operator.policy.memory import MEMORY_ANNOTATION, Memory
from bind_operator.policy.plan import Action
from bind_operator.reasons import Reason
from bind_operator.reconcile.claims import Claims, Hold
from support.resources import merged, tiny_resource

KEY = Key("demo", "t")
RAW: dict[str, Any] = {"metadata": {"uid": "0c5e", "creationTimestamp": "2026-01-02T00:00:00Z"}, "spec": {}}
DELETED = RAW | {"metadata": RAW["metadata"] | {"deletionTimestamp": "2026-01-03T00:00:00Z"}}
WEAVIATE = Workload("t-weaviate", "t", wanted=1, ready=1, is_current=True)
RESOURCE = parse_resource(merged(tiny_resource("t"), {"spec": {"weaviate": {"storage": {"size": "2Gi"}}}}))


@dataclass
class FakeVolumes:
    """Refuses what it is told to refuse, and records the rest."""

    refuses: str = ""
    error: type[ApiRefused | ApiUnavailable] = ApiRefused
    calls: list[str] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        async def call(*_: object, **__: object) -> dict[str, Any]:
            if name == self.refuses:
                raise self.error("not allowed")
            self.calls.append(name)
            return {}

        return call


@dataclass
class FakeKube:
    """Records events."""

    reasons: list[Reason] = field(default_factory=list)

    async def record_event(self, resource: Any, reason: Reason, message: str, *, warning: bool) -> None:
        self.reasons.append(reason)


def make(refuses: str = "") -> tuple[Claims, FakeVolumes, FakeKube]:
    volumes, kube = FakeVolumes(refuses), FakeKube()
    return Claims(kube, volumes), volumes, kube  # type: ignore[arg-type]


def claim(size: str = "2Gi", **metadata: Any) -> dict[str, Any]:
    labels = {"app.kubernetes.io/component": "weaviate", "app.kubernetes.io/instance": "t"}
    base = {
        "name": "weaviate-data-t-weaviate-0",
        "labels": labels,
        "creationTimestamp": "2026-01-01T00:00:00Z",
    }
    return {"metadata": base | metadata, "spec": {"resources": {"requests": {"storage": size}}}}


def stateful_set(size: str = "2Gi", when_deleted: str = "Retain", **metadata: Any) -> dict[str, Any]:
    template = {"spec": {"resources": {"requests": {"storage": size}}}}
    policy = {"whenDeleted": when_deleted}
    spec = {"volumeClaimTemplates": [template], "persistentVolumeClaimRetentionPolicy": policy}
    return {"metadata": {"uid": "5e7"} | metadata, "spec": spec}


def seen(*claims: dict[str, Any], workload: dict[str, Any] | None = None) -> Observed:
    return Observed((), WEAVIATE, None, None, (), claims, workload)


async def test_nothing_to_do_holds_nothing() -> None:
    claims, volumes, _ = make()
    observed = seen(claim(), workload=stateful_set("2048Mi"))
    assert await claims.hold(Action.UPGRADE, KEY, RAW, RESOURCE, observed) is None
    assert volumes.calls == []


async def test_a_growth_lets_go_of_the_pods_and_waits() -> None:
    claims, volumes, _ = make()
    observed = seen(claim("1Gi"), workload=stateful_set("1Gi"))
    assert await claims.hold(Action.UPGRADE, KEY, RAW, RESOURCE, observed) == Hold()
    assert volumes.calls == ["grow_claim", "release_pods"]


async def test_a_stateful_set_that_goes_is_waited_for() -> None:
    claims, volumes, _ = make()
    observed = seen(workload=stateful_set("1Gi", deletionTimestamp="2026-01-03T00:00:00Z"))
    assert await claims.hold(Action.UPGRADE, KEY, RAW, RESOURCE, observed) == Hold()
    assert volumes.calls == []


async def test_a_growth_that_is_refused_touches_nothing_else() -> None:
    claims, volumes, _ = make("grow_claim")
    observed = seen(claim("1Gi"), workload=stateful_set("1Gi"))
    hold = await claims.hold(Action.UPGRADE, KEY, RAW, RESOURCE, observed)
    assert hold is not None
    assert hold.failure is not None
    assert (hold.failure.reason, hold.failure.is_final) == (Reason.CLAIM_NOT_GROWN, False)
    assert "not allowed. Set spec.weaviate.storage.size back to 1Gi" in hold.failure.message
    assert volumes.calls == []


async def test_a_missing_right_is_a_failure_that_is_said() -> None:
    claims, _, _ = make("release_pods")
    hold = await claims.hold(Action.UPGRADE, KEY, RAW, RESOURCE, seen(workload=stateful_set("1Gi")))
    assert hold is not None
    assert hold.failure is not None
    assert hold.failure.reason is Reason.API_REFUSED


async def test_a_weaviate_that_goes_leaves_its_claims() -> None:
    external = {"spec": {"weaviate": {"external": {"url": "http://w.local"}}}}
    resource = parse_resource(merged(tiny_resource("t"), external))
    claims, volumes, _ = make()
    given_away = seen(claim(), workload=stateful_set(when_deleted="Delete"))
    assert await claims.hold(Action.UPGRADE, KEY, RAW, resource, given_away) == Hold()
    assert volumes.calls == ["keep_claims"]
    free = seen(claim(), workload=stateful_set())
    assert await claims.hold(Action.UPGRADE, KEY, RAW, resource, free) is None
    assert await claims.hold(Action.UPGRADE, KEY, RAW, resource, seen(claim())) is None


async def test_a_deletion_that_retains_waits_until_the_claims_are_free() -> None:
    claims, volumes, _ = make()
    given_away = seen(claim(), workload=stateful_set(when_deleted="Delete"))
    assert await claims.hold(Action.UNINSTALL, KEY, DELETED, None, given_away) == Hold()
    assert volumes.calls == ["keep_claims"]
    owned = seen(claim(ownerReferences=[{"kind": "StatefulSet"}]), workload=stateful_set())
    assert await claims.hold(Action.UNINSTALL, KEY, DELETED, None, owned) == Hold()
    assert (
        await claims.hold(Action.UNINSTALL, KEY, DELETED, None, seen(claim(), workload=stateful_set()))
        is None
    )
    delete = DELETED | {"spec": {"deletionPolicy": "Delete"}}
    assert await claims.hold(Action.UNINSTALL, KEY, delete, None, given_away) is None


async def test_a_mark_that_is_refused_tells_of_no_adoption() -> None:
    claims, _, kube = make("mark_claim")
    await claims.mark(KEY, RAW, seen(claim()), Memory())
    assert kube.reasons == []


async def test_a_claim_is_marked_only_while_its_workload_is_there() -> None:
    claims, volumes, kube = make()
    await claims.mark(KEY, RAW, Observed((), None, None, None, (), (claim(),)), Memory())
    assert volumes.calls == []
    await claims.mark(KEY, RAW, seen(claim()), Memory())
    assert (volumes.calls, kube.reasons) == (["mark_claim"], [Reason.CLAIM_ADOPTED])


async def test_what_is_marked_is_marked_once_by_one_look() -> None:
    claims, volumes, kube = make()
    marked = await claims.mark(KEY, RAW, seen(claim(annotations={"mine": "kept"})), Memory())
    assert await claims.mark(KEY, RAW, marked, Memory()) == marked
    assert (volumes.calls, kube.reasons) == (["mark_claim"], [Reason.CLAIM_ADOPTED])
    assert marked.claims[0]["metadata"]["annotations"] == {"mine": "kept", OWNER_ANNOTATION: "0c5e"}
    known = Memory(WeaviateStatus(version="1.35.2", replicas=1, since="2026-01-02T00:00:00Z"))
    marked = await claims.mark(KEY, RAW, marked, known)
    assert (volumes.calls, kube.reasons) == (["mark_claim"] * 2, [Reason.CLAIM_ADOPTED])
    assert marked.claims[0]["metadata"]["annotations"][MEMORY_ANNOTATION] == known.to_text()


async def test_a_refused_mark_is_tried_again() -> None:
    claims, _, _ = make("mark_claim")
    observed = seen(claim())
    assert await claims.mark(KEY, RAW, observed, Memory()) == observed


async def test_what_cannot_be_protected_is_only_logged() -> None:
    claims, _, _ = make("keep_claims")
    await claims.protect(KEY, seen(workload=stateful_set(when_deleted="Delete")))
