"""What holds for every object that any scenario of any chart renders."""

from pathlib import Path
from typing import Any

import yaml

from support.charts import CHARTS, RELEASE, containers, helm, pod_specs, render, render_text
from support.podsecurity import violations

PROBES = ("startupProbe", "livenessProbe", "readinessProbe")


def _chart(scenario: Path) -> str:
    return scenario.parents[1].name


def _objects(scenario: Path) -> list[dict[str, Any]]:
    return render(_chart(scenario), "--values", scenario)


def test_lint_finds_nothing(scenario: Path) -> None:
    done = helm("lint", "--strict", CHARTS / _chart(scenario), "--values", scenario)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "[WARNING]" not in done.stdout


def test_two_renders_are_the_same_bytes(scenario: Path) -> None:
    first = render_text(_chart(scenario), "--values", scenario)
    render_text.cache_clear()
    assert render_text(_chart(scenario), "--values", scenario) == first


def test_names_begin_with_the_release(scenario: Path) -> None:
    names = [
        item["metadata"]["name"] for item in _objects(scenario) if item["kind"] != "CustomResourceDefinition"
    ]
    assert [name for name in names if not name.startswith(RELEASE)] == []


def test_every_object_has_the_recommended_labels(scenario: Path) -> None:
    for item in _objects(scenario):
        labels = item["metadata"]["labels"]
        wanted = {"name", "instance", "component", "version", "managed-by"}
        assert wanted <= {key.removeprefix("app.kubernetes.io/") for key in labels}, item["metadata"]["name"]
        assert "helm.sh/chart" in labels


def test_selectors_are_name_instance_and_component_and_hit_the_pods(scenario: Path) -> None:
    objects = _objects(scenario)
    for item in objects:
        if item["kind"] not in ("Deployment", "StatefulSet"):
            continue
        selector = item["spec"]["selector"]["matchLabels"]
        assert {key.removeprefix("app.kubernetes.io/") for key in selector} == {
            "name",
            "instance",
            "component",
        }
        labels = item["spec"]["template"]["metadata"]["labels"]
        assert selector.items() <= labels.items()
        assert "helm.sh/chart" not in labels, "a new chart version would restart the pods"


def test_services_and_budgets_select_pods_that_there_are(scenario: Path) -> None:
    objects = _objects(scenario)
    pods = [
        item["spec"]["template"]["metadata"]["labels"]
        for item in objects
        if item["kind"] in ("Deployment", "StatefulSet")
    ]
    for item in objects:
        selector = item["spec"].get("selector", {}) if item["kind"] == "Service" else {}
        if item["kind"] == "PodDisruptionBudget":
            selector = item["spec"]["selector"]["matchLabels"]
        if selector:
            assert any(selector.items() <= labels.items() for labels in pods), item["metadata"]["name"]


def test_service_ports_are_ports_of_their_pods(scenario: Path) -> None:
    objects = _objects(scenario)
    names = {
        port["name"]
        for spec in pod_specs(objects).values()
        for container in containers(spec).values()
        for port in container.get("ports", [])
    }
    for item in objects:
        if item["kind"] == "Service":
            assert {port["targetPort"] for port in item["spec"]["ports"]} <= names


def test_pods_pass_pod_security_restricted(scenario: Path) -> None:
    for name, spec in pod_specs(_objects(scenario)).items():
        assert violations(spec) == [], name


def test_root_file_systems_are_read_only_and_tmp_is_writable(scenario: Path) -> None:
    for pod, spec in pod_specs(_objects(scenario)).items():
        for name, container in containers(spec).items():
            assert container["securityContext"]["readOnlyRootFilesystem"] is True, name
            mounts = {mount["mountPath"] for mount in container.get("volumeMounts", [])}
            assert pod.startswith("Pod/") or "/tmp" in mounts, name


def test_containers_ask_for_cpu_and_memory_and_are_limited_in_memory(scenario: Path) -> None:
    for spec in pod_specs(_objects(scenario)).values():
        for name, container in containers(spec).items():
            assert {"cpu", "memory"} <= set(container["resources"]["requests"]), name
            assert "memory" in container["resources"]["limits"], name


def test_long_running_containers_have_all_three_probes(scenario: Path) -> None:
    for pod, spec in pod_specs(_objects(scenario)).items():
        for name, container in containers(spec).items():
            missing = [probe for probe in PROBES if probe not in container]
            assert missing == [] or pod.startswith("Pod/"), name


def test_probes_ask_ports_that_the_container_has(scenario: Path) -> None:
    for spec in pod_specs(_objects(scenario)).values():
        for name, container in containers(spec).items():
            ports = {port["name"] for port in container.get("ports", [])}
            asked = {container[probe]["httpGet"]["port"] for probe in PROBES if probe in container}
            assert asked <= ports, name


def test_no_token_and_no_service_variables_in_workload_pods(scenario: Path) -> None:
    for name, spec in pod_specs(_objects(scenario)).items():
        assert spec["enableServiceLinks"] is False, name
        assert spec["automountServiceAccountToken"] is (name == f"Deployment/{RELEASE}"), name


def test_nothing_is_exposed_or_privileged_by_default(scenario: Path) -> None:
    objects = [item for item in _objects(scenario) if item["kind"] != "CustomResourceDefinition"]
    text = yaml.safe_dump_all(objects)
    for word in ("LoadBalancer", "hostPath", "privileged: true"):
        assert word not in text
