"""The pods of a resource become a project: Weaviate, the gate before it, and the inference servers."""

from collections.abc import Mapping
from typing import Any

import yaml

from bindctl.compose.pods import Helm, Values, one_machine, pick
from bindctl.compose.services import Project, Translation

_HTTP, _GRPC = 8080, 50051
_LOOPBACK = "127.0.0.1"
_ADDRESS = "${WEAVIATE_ADDRESS:-127.0.0.1}"
_READY = "http://127.0.0.1:8080/v1/.well-known/ready"
_ASK = "__import__('urllib.request').request.urlopen('http://127.0.0.1:8080/.well-known/ready')"
"""It has no space, at which podman would part it."""
_WGET = ("wget", "-q", "-O", "/dev/null")


def build_project(name: str, namespace: str, text: str, helm: Helm) -> Project:
    """Return the project of a resource. text: its values. Raises HelmMissing."""
    values: Values = yaml.safe_load(text)
    objects = helm.objects(name, namespace, one_machine(values))
    project = Project()
    deployment = pick(objects, "Deployment", f"{name}-gate")
    configs = _the(pick(objects, "ConfigMap", f"{name}-gate"))["data"]
    if deployment is None:
        stateful = _the(pick(objects, "StatefulSet", f"{name}-weaviate"))
        _add_weaviate(project, name, objects, stateful)
        _add_gate(project, stateful["spec"]["template"]["spec"], _opened(configs))
    else:
        _add_gate(project, deployment["spec"]["template"]["spec"], configs)
        (port,) = (one["containerPort"] for one in _gate(deployment)["ports"] if one["name"] == "gate")
        ports = [f"${{GATE_ADDRESS:-127.0.0.1}}:${{GATE_PORT:-{port}}}:{port}"]
        project.services["gate"]["ports"] = ports
    _add_inference(project, name, objects)
    return project


def _add_weaviate(
    project: Project, name: str, objects: list[dict[str, Any]], stateful: Mapping[str, Any]
) -> None:
    pod = stateful["spec"]["template"]["spec"]
    (claim,) = (one["metadata"]["name"] for one in stateful["spec"]["volumeClaimTemplates"])
    claims = {claim: "weaviate-data", "pod": f"{name}-weaviate-0", **_made_claims(objects, pod)}
    (container,) = (one for one in pod["containers"] if one["name"] == "weaviate")
    service = Translation(project, pod, {}, claims).service(container, [*_WGET, _READY])
    environment = service["environment"]
    environment["BIND_INFERENCE_API"] = environment["BIND_INFERENCE_API"].replace(_LOOPBACK, "gate")
    # Its only peer is itself, which it finds without asking.
    environment.pop("CLUSTER_JOIN", None)
    service["ports"] = [
        f"{_ADDRESS}:${{WEAVIATE_HTTP_PORT:-{_HTTP}}}:{_HTTP}",
        f"{_ADDRESS}:${{WEAVIATE_GRPC_PORT:-{_GRPC}}}:{_GRPC}",
    ]
    service["depends_on"] = {"gate": {"condition": "service_healthy"}}
    project.services["weaviate"] = service


def _opened(configs: Mapping[str, str]) -> dict[str, str]:
    """Return the gate's configuration with its port open to Weaviate, which is in another container.

    It is not published. In Weaviate's own network the gate would be cut off when Weaviate starts again.
    """
    first = configs["Caddyfile"]
    opened = first.replace(f"\tbind {_LOOPBACK}\n", "", 1)
    if opened == first:
        raise LookupError("the gate's configuration binds no address. This is a bug")
    return {**configs, "Caddyfile": opened}


def _add_gate(project: Project, pod: Mapping[str, Any], configs: Mapping[str, str]) -> None:
    """Add both processes of the gate."""
    translation = Translation(project, pod, configs, {})
    containers = [*pod["containers"], *pod["initContainers"]]
    for container in (one for one in containers if one["name"] in ("gate", "gate-large")):
        ports = {one["name"]: one["containerPort"] for one in container["ports"]}
        health = next(port for label, port in ports.items() if label.endswith("-health"))
        file = container["command"][3].rpartition("/")[2]
        service = translation.service(container, [*_WGET, f"http://{_LOOPBACK}:{health}/healthz"])
        service["configs"] = [one for one in service["configs"] if one["target"].endswith(f"/{file}")]
        project.services[container["name"]] = service
    project.services["gate"]["depends_on"] = {"gate-large": {"condition": "service_healthy"}}


def _gate(deployment: Mapping[str, Any]) -> Mapping[str, Any]:
    containers: list[Mapping[str, Any]] = deployment["spec"]["template"]["spec"]["containers"]
    return containers[0]


def _add_inference(project: Project, name: str, objects: list[dict[str, Any]]) -> None:
    deployment = pick(objects, "Deployment", f"{name}-inference")
    if deployment is None:
        return
    pod = deployment["spec"]["template"]["spec"]
    claims = {
        volume["name"]: "model-cache"
        for volume in pod["volumes"]
        if volume["name"] == "cache" and "emptyDir" not in volume
    }
    (container,) = (one for one in pod["containers"] if one["name"] == "inference")
    service = Translation(project, pod, {}, claims).service(container, ["python", "-c", _ASK])
    peers = next((one["value"] for one in container["env"] if one["name"] == "BIND_PEERS"), "")
    # The gate and the servers ask by the name of the Service.
    service["networks"] = {"default": {"aliases": [peers.partition(":")[0].rstrip(".")]}}
    replicas = deployment["spec"].get("replicas", 1)
    if replicas != 1:
        service.setdefault("deploy", {})["replicas"] = replicas
    project.services["inference"] = service


def _made_claims(objects: list[dict[str, Any]], pod: Mapping[str, Any]) -> dict[str, str]:
    """Return the volumes of the pod whose claims the release makes."""
    made = {one["metadata"]["name"] for one in objects if one["kind"] == "PersistentVolumeClaim"}
    claims = {
        volume["name"]: volume["persistentVolumeClaim"]["claimName"]
        for volume in pod.get("volumes", ())
        if "persistentVolumeClaim" in volume
    }
    return {volume: claim for volume, claim in claims.items() if claim in made}


def _the(found: Mapping[str, Any] | None) -> Mapping[str, Any]:
    if found is None:
        raise LookupError("the chart does not make what it always makes. This is a bug")
    return found
