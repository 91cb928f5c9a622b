"""The operator has the rights that it uses and no others: its own requests, kopf's watches, and Helm's."""

import inspect
from typing import Any

import pytest

from bind_operator.api.identity import GROUP, PLURAL
from bind_operator.api.status import BindVectorizerStatus
from bind_operator.cluster.kube import Kube
from bind_operator.handlers import CHILDREN
from bind_operator.policy.facts import Key, Revision
from bind_operator.policy.objects import Object
from bind_operator.reasons import Reason
from bind_operator.release.storage import HelmDriver
from support.charts import CHARTS, RELEASE, pick, render
from support.rendered import SAMPLES, rendered_values

Right = tuple[str, str, str]
"""It is a verb, an API group and a resource, as RBAC names them."""

KEY = Key("space", "shop")
RESOURCE: Object = {"metadata": {"name": "shop", "namespace": "space", "uid": "1", "resourceVersion": "1"}}
REVISION = Revision(1, "pending-install", managed=True, digest="", chart="", modified_at=0.0)

HELM_OBJECTS = ("get", "create", "patch", "delete")
"""Helm asks so for an object of a chart: by server-side apply, whose patch needs `create` for a new one."""
RECORD_VERBS = ("get", "list", "create", "update", "delete")
"""Helm asks so for its records."""
NOT_FROM_A_RESOURCE = {
    "HorizontalPodAutoscaler": "autoscaling is no field of the resource",
    "NetworkPolicy": "networkPolicy is no field of the resource",
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

    def _record(self, verb: str, path: str) -> str:
        parts = path.strip("/").split("/")
        group, rest = ("", parts[2:]) if parts[0] == "api" else (parts[1], parts[3:])
        if rest[:1] == ["namespaces"]:
            rest = rest[2:]
        if not rest:
            return ""  # what the API server serves: anybody may ask that
        resource = "/".join([rest[0], *rest[2:3]])
        self.rights.add((verb, group, resource))
        return resource

    async def read(self, path: str) -> Object | None:
        match self._record("get", path):
            case "deployments":
                return {"metadata": {"name": "shop-inference"}, "spec": {}}
            case self.records:
                return {"metadata": {"labels": {}}, "data": {"release": ""}} if self.kept else None
        return None

    async def items(self, path: str, **_: Any) -> list[Object]:
        resource = self._record("list", path)
        metadata = {"name": "r", "namespace": "space", "labels": {"version": "1"}}
        return [{"metadata": metadata, "data": {"release": ""}}] if resource == "secrets" else []

    async def create(self, path: str, body: Any) -> None:
        self._record("create", path)

    async def patch(self, path: str, body: Any) -> None:
        self._record("patch", path)

    async def replace(self, path: str, body: Any) -> None:
        self._record("update", path)

    async def delete(self, path: str) -> None:
        self._record("delete", path)


async def rights_of_the_client(monkeypatch: pytest.MonkeyPatch, driver: HelmDriver) -> set[Right]:
    """Return what the operator's own requests take, of every method that makes some."""
    monkeypatch.setattr("bind_operator.cluster.kube.mark_failed", lambda record, now, driver: record)
    recorder = Recorder(driver)
    kube = Kube(recorder, driver)  # type: ignore[arg-type]
    calls: dict[str, Any] = {
        "read_resource": kube.read_resource(KEY),
        "is_served": kube.is_served(),
        "list_keys": kube.list_keys([]),
        "observe": kube.observe(KEY),
        "service_address": kube.service_address(KEY, "shop-weaviate"),
        "apply_finalizer": kube.apply_finalizer(RESOURCE, present=True),
        "apply_status": kube.apply_status(RESOURCE, BindVectorizerStatus(device="CPU")),
        "unlock": kube.unlock(KEY, REVISION),
        "delete_claims": kube.delete_claims(KEY, [{"metadata": {"name": "data"}}]),
        "record_event": kube.record_event(RESOURCE, Reason.IN_SYNC, "", warning=False),
    }
    methods = {name for name, _ in inspect.getmembers(Kube, inspect.iscoroutinefunction)}
    assert set(calls) == {name for name in methods if not name.startswith("_")}
    for name, call in calls.items():
        recorder.kept = name == "unlock"  # a record that is moved is not there yet
        await call
    return recorder.rights


def plural(kind: str) -> str:
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
    used = await rights_of_the_client(monkeypatch, driver)
    used |= {(verb, "", driver.resource) for verb in RECORD_VERBS}
    watched = [(GROUP, PLURAL), *((group, resource) for group, _, resource in CHILDREN)]
    used |= {(verb, group, resource) for group, resource in watched for verb in ("list", "watch")}
    made = kinds_of_resources(tmp_path)
    used |= {(verb, group, plural(kind)) for kind, group in made.items() for verb in HELM_OBJECTS}
    rights = granted(driver)
    assert {"missing": used - rights, "superfluous": rights - used} == {
        "missing": set(),
        "superfluous": set(),
    }


def test_no_right_on_secrets_is_given_by_default() -> None:
    assert not [right for right in granted(HelmDriver.CONFIG_MAP) if right[2] == "secrets"]


def test_what_no_resource_makes_is_known(tmp_path: Any) -> None:
    scenarios = (CHARTS / "weaviate-bind" / "ci").glob("*-values.yaml")
    of_the_chart = {kind for path in scenarios for kind in kinds(render("weaviate-bind", "--values", path))}
    assert of_the_chart - set(kinds_of_resources(tmp_path)) == set(NOT_FROM_A_RESOURCE)
