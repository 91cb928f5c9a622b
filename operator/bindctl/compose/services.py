"""A pod becomes services of docker compose: one for each of its containers."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from bindctl.compose.amounts import compose_bytes

Container = Mapping[str, Any]
SERVER_USER = "65532:65532"
_EXPANSION = re.compile(r"\$\(([A-Za-z_][A-Za-z0-9_]*)\)")


@dataclass
class Project:
    """It is the compose file that is being made."""

    services: dict[str, dict[str, Any]] = field(default_factory=dict)
    volumes: dict[str, dict[str, Any]] = field(default_factory=dict)
    configs: dict[str, str] = field(default_factory=dict)
    secrets: dict[str, dict[str, Any]] = field(default_factory=dict)
    variables: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Each is an entry of a Secret or ConfigMap: the object and the entry by the variable's name."""
    gaps: list[str] = field(default_factory=list)


def variable_of(name: str, key: str) -> str:
    """Return the variable of .env that holds an entry of a Secret."""
    return re.sub(r"[^A-Z0-9]", "_", f"{name}_{key}".upper())


def escaped(text: str) -> str:
    """Return `text` so that docker compose reads it as it is."""
    return text.replace("$", "$$")


class Translation:
    """It turns the containers of one pod into services."""

    def __init__(
        self, project: Project, pod: Mapping[str, Any], configs: Mapping[str, str], claims: Mapping[str, str]
    ) -> None:
        """Begin. configs: texts by file of the pod's ConfigMap. claims: names of volumes by mount."""
        self._project = project
        self._pod = pod
        self._configs = configs
        self._claims = claims
        self._volumes = {volume["name"]: volume for volume in pod.get("volumes", ())}

    def service(self, container: Container, health: list[str]) -> dict[str, Any]:
        """Return the service of a container. health: the command that tells whether it is ready."""
        service: dict[str, Any] = {"image": container["image"]}
        if "command" in container:
            service["entrypoint"] = container["command"]
        if "args" in container:
            service["command"] = container["args"]
        service["environment"] = dict(self._environment(container))
        mounts: list[Any] = []
        tmpfs: list[str] = []
        files: dict[str, list[dict[str, Any]]] = {"configs": [], "secrets": []}
        for mount in container.get("volumeMounts", ()):
            self._mount(mount, mounts, tmpfs, files)
        service |= {key: value for key, value in files.items() if value}
        if mounts:
            service["volumes"] = mounts
        if tmpfs:
            service["tmpfs"] = tmpfs
        return service | self._security(container, files, mounts) | self._running(container, health)

    def _environment(self, container: Container) -> Iterator[tuple[str, str]]:
        entries = container.get("env", ())
        found: dict[str, str] = {}
        for one in entries:
            if "valueFrom" not in one:
                found[one["name"]] = _expanded(one.get("value", ""), found)
            elif (value := self._referred(one)) is not None:
                found[one["name"]] = value
        if container.get("envFrom"):
            self._project.gaps.append(f"envFrom of the container {container['name']}: name each variable")
        yield from found.items()

    def _referred(self, variable: Mapping[str, Any]) -> str | None:
        source = variable["valueFrom"]
        for kind in ("secretKeyRef", "configMapKeyRef"):
            if kind in source:
                return self._wanted(source[kind])
        if source.get("fieldRef", {}).get("fieldPath") == "metadata.name":
            # The only pod of a StatefulSet, by which Weaviate's Raft knows it again.
            return str(self._claims.get("pod", ""))
        if source.get("fieldRef", {}).get("fieldPath") != "status.podIP":
            self._project.gaps.append(f"the variable {variable['name']}: there is no pod to read it from")
        return None

    def _wanted(self, reference: Mapping[str, Any]) -> str:
        name, key = reference["name"], reference["key"]
        variable = variable_of(name, key)
        self._project.variables[variable] = (name, key)
        return f"${{{variable}:-}}" if reference.get("optional") else f"${{{variable}:?set it in .env}}"

    def _mount(
        self,
        mount: Mapping[str, Any],
        mounts: list[Any],
        tmpfs: list[str],
        files: dict[str, list[dict[str, Any]]],
    ) -> None:
        name, target = mount["name"], mount["mountPath"]
        volume = self._volumes.get(name, {})
        if name in self._claims:
            mounts.append(self._named(self._claims[name], target, mount))
        elif "emptyDir" in volume and self._is_shared(name):
            self._project.volumes[name] = {
                "driver_opts": {"type": "tmpfs", "device": "tmpfs", "o": "mode=1777"}
            }
            mounts.append(f"{name}:{target}")
        elif "emptyDir" in volume:
            tmpfs.append(f"{target}:mode=1777")
        elif "configMap" in volume:
            files["configs"] += self._config_files(target)
        elif "secret" in volume:
            files["secrets"] += self._secret_files(volume["secret"], target)
        elif "persistentVolumeClaim" in volume:
            claim = volume["persistentVolumeClaim"]["claimName"]
            self._project.volumes[claim] = {"external": True, "name": claim}
            mounts.append(self._named(claim, target, mount))
        elif "image" in volume:
            source = volume["image"]["reference"]
            mounts.append({"type": "image", "source": source, "target": target, "read_only": True})
        else:
            self._project.gaps.append(f"the volume {name}, mounted at {target}: add it to the file")

    def _named(self, source: str, target: str, mount: Mapping[str, Any]) -> str:
        self._project.volumes.setdefault(source, {})
        return f"{source}:{target}" + (":ro" if mount.get("readOnly") else "")

    def _is_shared(self, name: str) -> bool:
        containers = [*self._pod.get("containers", ()), *self._pod.get("initContainers", ())]
        users = [c for c in containers if any(m["name"] == name for m in c.get("volumeMounts", ()))]
        return len(users) > 1

    def _config_files(self, folder: str) -> Iterator[dict[str, Any]]:
        for file, text in self._configs.items():
            source = re.sub(r"[^a-z0-9]+", "-", file.lower())
            self._project.configs[source] = text
            yield {"source": source, "target": f"{folder}/{file}"}

    def _secret_files(self, secret: Mapping[str, Any], folder: str) -> Iterator[dict[str, Any]]:
        for item in secret.get("items", ()):
            variable = variable_of(secret["secretName"], item["key"])
            self._project.variables[variable] = (secret["secretName"], item["key"])
            source = variable.lower().replace("_", "-")
            self._project.secrets[source] = {"environment": variable}
            yield {"source": source, "target": f"{folder}/{item['path']}"}

    def _security(
        self, container: Container, files: Mapping[str, list[Any]], mounts: list[Any]
    ) -> dict[str, Any]:
        context = container.get("securityContext", {})
        capabilities = context.get("capabilities", {})
        result: dict[str, Any] = {}
        owns = [one for one in mounts if not str(one).endswith(":ro") and not self._is_memory(one)]
        # A volume that is made belongs to root, and nobody gives it to another user as the kubelet does.
        result["user"] = "0:0" if owns else SERVER_USER
        if capabilities.get("drop"):
            result["cap_drop"] = capabilities["drop"]
        if capabilities.get("add"):
            result["cap_add"] = capabilities["add"]
        if context.get("allowPrivilegeEscalation") is False:
            result["security_opt"] = ["no-new-privileges:true"]
        # Compose copies what stands in the file into the container, which a read-only one refuses.
        if context.get("readOnlyRootFilesystem") and not any(files.values()):
            result["read_only"] = True
        return result

    def _is_memory(self, mount: Any) -> bool:
        source = mount["source"] if isinstance(mount, Mapping) else mount.partition(":")[0]
        return isinstance(mount, Mapping) or "driver_opts" in self._project.volumes.get(source, {})

    def _running(self, container: Container, health: list[str]) -> dict[str, Any]:
        probe = container.get("readinessProbe", {})
        start = container.get("startupProbe", {})
        patience = start.get("periodSeconds", 1) * start.get("failureThreshold", 60)
        result: dict[str, Any] = {
            "healthcheck": {
                "test": ["CMD", *health],
                "interval": f"{probe.get('periodSeconds', 10)}s",
                "timeout": f"{probe.get('timeoutSeconds', 3)}s",
                "retries": probe.get("failureThreshold", 3),
                "start_period": f"{patience}s",
            },
            "restart": "unless-stopped",
            "stop_grace_period": f"{self._pod.get('terminationGracePeriodSeconds', 30)}s",
        }
        if resources := _resources(container.get("resources", {})):
            result["deploy"] = {"resources": resources}
        return result


def _expanded(text: str, found: Mapping[str, str]) -> str:
    """Return `text` with $(NAME) replaced by a variable that stands before, as the kubelet does it."""
    parts, end = [], 0
    for match in _EXPANSION.finditer(text):
        parts += [escaped(text[end : match.start()]), found.get(match[1], escaped(match[0]))]
        end = match.end()
    return "".join([*parts, escaped(text[end:])])


def _resources(resources: Mapping[str, Any]) -> dict[str, Any]:
    """Return limits, and what is reserved: memory, and GPUs, of which Docker knows NVIDIA's alone."""
    limits, requests = resources.get("limits") or {}, resources.get("requests") or {}
    result: dict[str, Any] = {"limits": {}, "reservations": {}}
    if "memory" in limits:
        result["limits"]["memory"] = compose_bytes(limits["memory"])
    if "cpu" in limits:
        result["limits"]["cpus"] = _cpus(limits["cpu"])
    if "memory" in requests:
        result["reservations"]["memory"] = compose_bytes(requests["memory"])
    gpus = {name: count for name, count in limits.items() if "/" in name}
    if gpus:
        result["reservations"]["devices"] = [
            {"driver": "nvidia", "count": int(count), "capabilities": ["gpu"]} for count in gpus.values()
        ]
    return {part: amounts for part, amounts in result.items() if amounts}


def _cpus(amount: object) -> str:
    text = str(amount)
    return f"{int(text[:-1]) / 1000:g}" if text.endswith("m") else text
