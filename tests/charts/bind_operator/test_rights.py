"""The operator has the rights that it uses and no others: its own requests, its watches, and Helm's."""

import inspect
from typing import Any

import pytest

from bind_operator.api.delivery import SourceKind, ValuesSource
from bind_operator.api.status import BindVectorizerStatus
from bind_operator.cluster.autoscaling import Autoscalers
from bind_operator.cluster.clock import ServerClock
from bind_operator.cluster.key_secrets import KeySecrets
from bind_operator.cluster.kube import Kube, Observed
from bind_operator.cluster.lost_kinds import LostKinds
from bind_operator.cluster.objects import Objects
from bind_operator.cluster.records import Records
from bind_operator.cluster.rendered_values import RenderedConfigMaps, What
from bind_operator.cluster.value_sources import ValueSources
from bind_operator.cluster.volumes import Volumes
from bind_operator.policy.drift import Correction, Difference, Finding, Ref
from bind_operator.policy.facts import Key, Revision
from bind_operator.policy.objects import Object
from bind_operator.policy.watching import CHILDREN, EVENTS, RESOURCES
from bind_operator.reasons import Reason
from bind_operator.release.storage import HelmDriver
from support.charts import CHARTS, RELEASE, pick, render
from support.rendered import SAMPLES, rendered_values

Right = tuple[str, str, str]
"""It is a verb, an API group and a resource, as RBAC names them."""

KEY = Key("space", "shop")
RESOURCE: Object = {"metadata": {"name": "shop", "namespace": "space", "uid": "1", "resourceVersion": "1"}}
REVISION = Revision(1, "pending-install", managed=True, digest="", chart="", created_at=0.0)

HELM_OBJECTS = ("get", "create", "patch", "delete")
"""Helm asks so for an object of a chart: by server-side apply, whose patch needs `create` for a new one."""
RECORD_VERBS = ("get", "list", "create", "update", "delete")
"""Helm asks so for its records."""
NOT_FROM_A_RESOURCE = {
    "ServiceMonitor": "serviceMonitor is no field of the resource",
    "Pod": "`helm test` makes it",
}
"""The workload chart makes these kinds only for who installs it without the operator."""


class Recorder:
    """It answers as the API server where pods start, and keeps the right that each request takes."""

    def __init__(self, driver: HelmDriver) -> None:
        self.rights: set[Right] = set()
        self.records = driver.resource
        self.kept = True
        self.holds_records = False
        self.clock = ServerClock()

    def _record(self, verb: str, path: str) -> str:
        parts = path.strip("/").split("/")
        group, rest = ("", parts[2:]) if parts[0] == "api" else (parts[1], parts[3:])
        if rest[:1] == ["namespaces"] and len(rest) > 2:
            rest = rest[2:]
        if not rest:
            return ""  # what the API server serves: anybody may ask that
        resource = "/".join([rest[0], *rest[2:3]])
        self.rights.add((verb, group, resource))
        return resource

    async def read(self, path: str) -> Object | None:
        match self._record("get", path):
            case "configmaps" if path.endswith("-keys"):
                return {"metadata": {"uid": "1"}}
            case "deployments":
                return {"metadata": {"name": "shop-inference"}, "spec": {}}
            case self.records:
                record = {"metadata": {"name": "record", "labels": {}}, "data": {"release": ""}}
                return record if self.kept else None
        return None

    async def items(self, path: str, **_: Any) -> list[Object]:
        resource = self._record("list", path)
        metadata = {"name": "r", "namespace": "space", "labels": {"version": "1"}}
        is_held = resource == "secrets" or (self.holds_records and resource == self.records)
        return [{"metadata": metadata, "data": {"release": ""}}] if is_held else []

    async def create(self, path: str, body: Any) -> None:
        self._record("create", path)

    async def patch(self, path: str, body: Any) -> None:
        self._record("patch", path)

    async def apply(self, path: str, body: Any, **_: Any) -> Object:
        self._record("patch", path)
        return body  # type: ignore[no-any-return]

    async def edit(self, path: str, operations: Any, *, dry_run: bool = False, manager: str = "") -> None:
        self._record("patch", path)

    async def replace(self, path: str, body: Any) -> None:
        self._record("update", path)

    async def delete(self, path: str, options: Any = None) -> None:
        self._record("delete", path)


async def rights_of_the_client(monkeypatch: pytest.MonkeyPatch, driver: HelmDriver) -> set[Right]:
    """Return what the operator's own requests take, of every method that makes some."""
    monkeypatch.setattr("bind_operator.cluster.kube.mark_failed", lambda record, now, driver: record)
    recorder = Recorder(driver)
    kube = Kube(recorder, driver)  # type: ignore[arg-type]
    calls: dict[str, Any] = {
        "read_resource": kube.read_resource(KEY),
        "is_served": kube.is_served(),
        "list_keys": kube.list_keys(""),
        "observe": kube.observe(KEY),
        "service_address": kube.service_address(KEY, "shop-weaviate"),
        "is_terminating": kube.is_terminating("space"),
        "apply_finalizer": kube.apply_finalizer(RESOURCE, present=True),
        "apply_status": kube.apply_status(RESOURCE, BindVectorizerStatus(device="CPU")),
        "unlock": kube.unlock(KEY, REVISION),
        "delete_claims": kube.delete_claims(KEY, [{"metadata": {"name": "data", "uid": "1"}}]),
        "record_event": kube.record_event(RESOURCE, Reason.IN_SYNC, "", warning=False),
    }
    assert set(calls) == methods_of(Kube)
    sources = ValueSources(recorder, driver, 1.0, lambda _: None)  # type: ignore[arg-type]
    config_maps = RenderedConfigMaps(recorder)  # type: ignore[arg-type]
    kinds = [SourceKind.CONFIG_MAP, *([SourceKind.SECRET] if driver is HelmDriver.SECRET else [])]
    optional = [ValuesSource(kind=kind, name="team", optional=True) for kind in kinds]
    calls |= {
        "read": sources.read(KEY, optional),
        "apply": config_maps.apply(KEY, RESOURCE, "", "", ""),
        "delete": config_maps.delete(KEY, RESOURCE),
        "is_current": config_maps.is_current(KEY, RESOURCE, "", What.MANIFESTS),
    }
    volumes = Volumes(recorder)  # type: ignore[arg-type]
    of_volumes: dict[str, Any] = {
        "read_claims": volumes.read_claims(KEY, ["data"]),
        "mark_claim": volumes.mark_claim(KEY, "data", annotations={}),
        "grow_claim": volumes.grow_claim(KEY, "data", "2Gi"),
        "keep_claims": volumes.keep_claims(KEY),
        "release_pods": volumes.release_pods(KEY, {"metadata": {"uid": "1"}}),
    }
    assert set(of_volumes) == methods_of(Volumes)
    autoscalers = Autoscalers(recorder)  # type: ignore[arg-type]
    await autoscalers.read(KEY, is_keda=True)
    of_autoscalers: dict[str, Any] = {
        "serves_keda": autoscalers.serves_keda(),
        "read": autoscalers.read(KEY, is_keda=False),
        "scale": autoscalers.scale(KEY, 0, 1),
        "keep": autoscalers.keep(KEY, 3),
    }
    assert set(of_autoscalers) == methods_of(Autoscalers)
    keys = KeySecrets(recorder)  # type: ignore[arg-type]
    of_keys: dict[str, Any] = {
        "ensure": keys.ensure(KEY, "shop-weaviate-keys", {"admin": "a"}),
        "remove": keys.remove(KEY, "shop-weaviate-keys"),
        "is_kept": keys.is_kept(KEY, "shop-weaviate-keys"),
    }
    assert set(of_keys) == methods_of(KeySecrets)
    for name, call in [*calls.items(), *of_volumes.items(), *of_autoscalers.items(), *of_keys.items()]:
        recorder.kept = name == "unlock"  # a record that is moved is not there yet
        await call
    return recorder.rights


def methods_of(edge: type) -> set[str]:
    """Return the names of the methods by which an edge of the operator makes requests."""
    names = {name for name, _ in inspect.getmembers(edge, inspect.iscoroutinefunction)}
    return {name for name in names if not name.startswith("_")}


async def rights_of_drift_detection(monkeypatch: pytest.MonkeyPatch, driver: HelmDriver) -> set[Right]:
    """Return what it takes to compare an object of a release, to put it back, and to delete it."""
    monkeypatch.setattr(
        "bind_operator.cluster.lost_kinds.without_kinds", lambda record, kinds, driver: record
    )
    recorder = Recorder(driver)
    objects, records = Objects(recorder), Records(recorder, driver)  # type: ignore[arg-type]
    ref = Ref("Service", "shop-weaviate")
    live: Object = {"kind": "Service", "metadata": {"name": ref.name, "uid": "u", "resourceVersion": "1"}}
    added = Difference(("spec", "x"), is_added=True)
    correction = Correction(Finding(ref, live=live), (Difference(()), added), ())
    for one in (ref, Ref("ScaledObject", "shop-inference")):
        await objects.read(KEY, [one], Observed((), None, None, None, (), ()))
    await objects.compare(KEY, ref, live, {**live, "spec": {"type": "ClusterIP"}})
    await objects.correct(KEY, correction, live)
    await objects.delete(KEY, ref, live)
    await objects.scaled(KEY)
    await records.read(KEY, REVISION)
    await records.is_latest(KEY, REVISION)
    await records.is_deployed(KEY, 1)
    lost_kinds = LostKinds(recorder, records)  # type: ignore[arg-type]
    await lost_kinds.kinds_of(KEY, REVISION)
    recorder.holds_records = True
    await lost_kinds.forget(KEY, [("ScaledObject", "keda.sh/v1alpha1")])
    methods = [name for kind in (Objects, Records) for name, _ in inspect.getmembers(kind, callable)]
    assert {name for name in methods if not name.startswith("_")} == {
        *("read", "compare", "correct", "delete", "scaled", "is_latest", "is_deployed", "forget")
    }
    return recorder.rights


def plural(kind: str) -> str:
    if kind.endswith("s"):
        return f"{kind.lower()}es"
    return kind.lower().removesuffix("y") + ("ies" if kind.endswith("y") else "s")


def kinds(objects: list[dict[str, Any]]) -> dict[str, str]:
    """Return the API group of each kind."""
    return {item["kind"]: item["apiVersion"].rpartition("/")[0] for item in objects}


def kinds_of_resources(tmp_path: Any) -> dict[str, str]:
    found: dict[str, str] = {}
    for sample in SAMPLES:
        file = tmp_path / sample.name
        file.write_text(rendered_values(sample))
        found |= kinds(render("weaviate-bind", "--values", file))
    return {kind: group for kind, group in found.items() if kind not in NOT_FROM_A_RESOURCE}


def granted(driver: HelmDriver) -> set[Right]:
    rules = pick(render("bind-operator", "--set", f"helm.driver={driver}"), "ClusterRole", RELEASE)["rules"]
    return {
        (verb, group, resource)
        for rule in rules
        for verb in rule["verbs"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
    }


@pytest.mark.parametrize("driver", HelmDriver)
async def test_the_rights_are_those_that_are_used(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch, driver: HelmDriver
) -> None:
    used = await rights_of_the_client(monkeypatch, driver) | await rights_of_drift_detection(
        monkeypatch, driver
    )
    used |= {(verb, "", driver.resource) for verb in RECORD_VERBS}
    # The optional kinds are those that the operator makes none of.
    watched = [kind for kind in (RESOURCES, EVENTS, *CHILDREN) if not kind.is_optional]
    used |= {(verb, kind.group, kind.plural) for kind in watched for verb in ("list", "watch")}
    made = kinds_of_resources(tmp_path)
    used |= {(verb, group, plural(kind)) for kind, group in made.items() for verb in HELM_OBJECTS}
    # Drift detection lists each kind of a release.
    used |= {("list", group, plural(kind)) for kind, group in made.items()}
    rights = granted(driver)
    assert {"missing": used - rights, "superfluous": rights - used} == {
        "missing": set(),
        "superfluous": set(),
    }


def test_by_default_secrets_may_be_created_and_nothing_else() -> None:
    rights = [right for right in granted(HelmDriver.CONFIG_MAP) if right[2] == "secrets"]
    assert rights == [("create", "", "secrets")]


def test_what_no_resource_makes_is_known(tmp_path: Any) -> None:
    scenarios = (CHARTS / "weaviate-bind" / "ci").glob("*-values.yaml")
    of_the_chart = {kind for path in scenarios for kind in kinds(render("weaviate-bind", "--values", path))}
    assert of_the_chart - set(kinds_of_resources(tmp_path)) == set(NOT_FROM_A_RESOURCE)
