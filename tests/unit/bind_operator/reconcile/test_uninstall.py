"""An uninstall takes its steps: Helm, what Helm left, and the record last."""

from dataclasses import dataclass, field, replace
from typing import Any

from bind_operator.cluster.kube import Observed
from bind_operator.policy.drift import Finding, Ref
from bind_operator.policy.facts import Key, Revision
from bind_operator.reconcile.uninstall import Uninstaller
from bind_operator.release.storage import Record

KEY = Key("demo", "t")
REVISION = Revision(3, "deployed", managed=True, digest="", chart="", created_at=0.0)
KEPT = {"helm.sh/resource-policy": "keep"}
SERVICE, CACHE, MAP = (
    Ref("Service", "t-weaviate"),
    Ref("PersistentVolumeClaim", "t-cache"),
    Ref("ConfigMap", "t-gate"),
)


def item(ref: Ref, annotations: dict[str, str] | None = None, **metadata: Any) -> dict[str, Any]:
    return {"kind": ref.kind, "metadata": {"name": ref.name, "annotations": annotations or {}, **metadata}}


def live(ref: Ref, release: str = "t", **metadata: Any) -> dict[str, Any]:
    return item(ref, {"meta.helm.sh/release-name": release}, uid="u", **metadata)


@dataclass
class Fakes:
    """Helm, the records and the objects of one release."""

    found: dict[Ref, Any] = field(default_factory=dict)
    record: Record | None = field(
        default_factory=lambda: Record((item(SERVICE), item(CACHE, KEPT), item(MAP)), is_rollback=False)
    )
    done: list[str] = field(default_factory=list)

    async def uninstall(self, key: Key) -> None:
        self.done.append("uninstall")

    async def purge(self, key: Key) -> None:
        self.done.append("purge")

    async def read(self, key: Key, what: Any, observed: Observed | None = None) -> Any:
        if observed is None:
            return self.record
        return {ref: self.found.get(ref) for ref in what}

    async def delete(self, key: Key, ref: Ref, live: Any) -> None:
        self.done.append(f"delete {ref}")

    async def step(self, status: str) -> list[str]:
        observed = Observed((replace(REVISION, status=status),), None, None, None, (), ())
        await Uninstaller(self, self, self).step(KEY, observed)  # type: ignore[arg-type]
        return self.done


async def test_helm_comes_first_and_also_again_where_it_was_cut_short() -> None:
    for status in ("deployed", "failed", "pending-upgrade", "uninstalling"):
        assert await Fakes({SERVICE: live(SERVICE)}).step(status) == ["uninstall"]


async def test_what_helm_left_is_deleted_before_the_record() -> None:
    fakes = Fakes({SERVICE: live(SERVICE), MAP: live(MAP)})
    assert await fakes.step("uninstalled") == ["delete Service t-weaviate", "delete ConfigMap t-gate"]


async def test_the_record_goes_when_nothing_is_left() -> None:
    assert await Fakes().step("uninstalled") == ["purge"]


async def test_what_is_not_of_the_release_or_goes_already_or_is_to_be_kept_is_left_alone() -> None:
    found = {
        SERVICE: live(SERVICE, release="other"),
        MAP: live(MAP, deletionTimestamp="2026-01-01T00:00:00Z"),
        CACHE: live(CACHE),
    }
    assert await Fakes(found).step("uninstalled") == ["purge"]


async def test_a_kind_that_cannot_be_read_or_a_record_that_cannot_holds_up_nothing() -> None:
    assert await Fakes({SERVICE: Finding(SERVICE, unknown="forbidden")}).step("uninstalled") == ["purge"]
    assert await Fakes({SERVICE: live(SERVICE)}, record=None).step("uninstalled") == ["purge"]
