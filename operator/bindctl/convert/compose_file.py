"""A docker compose file with Weaviate and multi2vec-bind becomes a resource."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from bind_operator.goyaml import Path
from bindctl.convert.access import Access, set_access
from bindctl.convert.draft import Draft
from bindctl.convert.images import default_requests, quantity, set_gpu, set_resources, split_image
from bindctl.convert.reading import Reading
from bindctl.convert.server import set_server_image, set_server_variables, tell_of_data
from bindctl.convert.variables import (
    MODULE,
    Variables,
    is_secret,
    is_true,
    read_access,
    read_modules,
    set_variables,
)

WEAVIATE = "semitechnologies/weaviate"
WEAVIATE_REGISTRY = "cr.weaviate.io"
INFERENCE = f"semitechnologies/{MODULE}"
_OURS = ("bindvectorizer/bind-inference",)
_HARMLESS = (
    "container_name",
    "depends_on",
    "expose",
    "healthcheck",
    "hostname",
    "networks",
    "restart",
    "init",
)
"""Kubernetes does what these ask for by itself."""
_FLAGS = {
    "--host": "0.0.0.0",  # noqa: S104  (what the file says)
    "--port": "8080",
    "--scheme": "http",
    "--read-timeout": "60s",
    "--write-timeout": "60s",
}
_SAME_ANYWAY = (
    *("user", "group_add", "cap_drop", "cap_add", "security_opt", "read_only", "privileged", "tmpfs"),
    *("stop_grace_period", "stop_signal", "ulimits", "shm_size", "pull_policy", "platform"),
)
_REMEDIES = {
    "logging": "the cluster collects what the pods print",
    "labels": "set spec.commonLabels, or podAnnotations",
    "extra_hosts": "set values.hostAliases",
    "dns": "set values.dnsPolicy and values.dnsConfig",
    "entrypoint": "the command is the chart's own",
    "secrets": "mount a Secret by extraVolumes and extraVolumeMounts",
    "configs": "mount a ConfigMap by extraVolumes and extraVolumeMounts",
    "extends": "give the file that docker compose config prints",
    "build": "push the image, and name it in spec.inference.image or spec.weaviate.image",
    "devices": "ask for a GPU by spec.device and spec.gpu",
    "sysctls": "set them on the nodes",
    "links": "services find each other by the names of their Services",
    "profiles": "the resource has all of its parts",
}
_REFERENCE = re.compile(
    r"\$(?:\$|(?P<bare>[A-Za-z_]\w*)|\{(?P<name>[A-Za-z_]\w*)(?::?-(?P<default>[^}]*))?[^}]*\})"
)


def is_compose(data: Mapping[str, Any]) -> bool:
    """Return whether it is a docker compose file."""
    return isinstance(data.get("services"), Mapping)


def read_compose(reading: Reading, draft: Draft) -> None:
    """Fill the draft with what the services say."""
    services = reading.peek("services")
    weaviates = list(_of_image(services, (WEAVIATE,)))
    servers = list(_of_image(services, (INFERENCE, *_OURS)))
    for name in ("version", "name", "networks", "volumes"):
        reading.tick(name)
    if weaviates:
        server = servers[0] if servers else None
        _read_weaviate(reading, draft, ("services", weaviates[0]), server)
    if servers:
        _read_server(reading, draft, ("services", servers[0]))
    for name in services:
        if name not in (*weaviates[:1], *servers[:1]):
            reading.lose(
                ("services", name), "this service has no counterpart; run it by a manifest of its own"
            )


def _of_image(services: Mapping[str, Any], paths: tuple[str, ...]) -> Iterator[str]:
    for name, service in services.items():
        image = service.get("image") if isinstance(service, Mapping) else None
        if image and split_image(str(_filled(image)))[1] in paths:
            yield name


def _read_weaviate(reading: Reading, draft: Draft, at: Path, server: str | None) -> None:
    registry, repository, tag, digest = split_image(str(_filled(reading.take(*at, "image"))))
    if tag in ("", "latest"):
        reading.advise(
            (*at, "image"),
            "names no version; set spec.weaviate.version to the one that runs, and not an older one",
        )
    else:
        draft.set("weaviate.version", tag)
    if digest:
        reading.lose((*at, "image"), "the digest is dropped: the version alone chooses Weaviate's image")
    draft.set("weaviate.image.registry", registry if registry != WEAVIATE_REGISTRY else None)
    draft.set("weaviate.image.repository", repository if repository != WEAVIATE else None)
    variables = Variables(reading, dict(_environment(reading, at)))
    url, url_at = variables.take("BIND_INFERENCE_API"), variables.place("BIND_INFERENCE_API")
    if server is None and url:
        draft.set("inference.external.url", url.rstrip("/"))
        reading.advise(url_at or at, "has to be reached by the pods, too, under the name that stands here")
    access = Access(keys_at=at)
    # Without any other setting Weaviate answers whoever comes.
    access.anonymous = not any(name.startswith("AUTHENTICATION_") for name in variables.names())
    read_access(variables, access)
    set_access(draft, reading, access)
    set_variables(draft, reading, variables, read_modules(reading, variables))
    _read_command(reading, at)
    _read_common(reading, draft, at, "weaviate")
    if reading.peek(*at, "volumes"):
        tell_of_data(reading, (*at, "volumes"))
    if reading.peek(*at, "ports"):
        reading.advise(
            (*at, "ports"),
            f"clients in the cluster come by the Services {draft.name}-weaviate and "
            f"{draft.name}-weaviate-grpc; for others set spec.weaviate.service.type or spec.weaviate.expose",
        )


def _read_server(reading: Reading, draft: Draft, at: Path) -> None:
    registry, repository, tag, digest = split_image(str(_filled(reading.take(*at, "image"))))
    set_server_image(draft, reading, (*at, "image"), registry, repository, tag, digest)
    variables = Variables(reading, dict(_environment(reading, at)))
    wants_gpu = is_true(variables.take("ENABLE_CUDA"))
    for name in ("NVIDIA_VISIBLE_DEVICES", "NVIDIA_DRIVER_CAPABILITIES", "LD_LIBRARY_PATH"):
        variables.take(name)
    gpus = _read_common(reading, draft, at, "inference")
    if wants_gpu:
        set_gpu(draft, gpus)
    elif gpus:
        reading.lose(
            (*at, "deploy"), "ENABLE_CUDA is off, so that the GPU is not used; set it, or drop the GPU"
        )
    if reading.peek(*at, "ports"):
        reading.lose((*at, "ports"), "the inference server is reached within the cluster alone")
    if reading.peek(*at, "volumes"):
        reading.advise((*at, "volumes"), "the weights have a cache of their own, spec.inference.model.cache")
    set_server_variables(draft, reading, variables)
    extra = [{"name": name, "value": variables.take(name) or ""} for name in variables.names()]
    draft.set("inference.extraEnv", extra or None)


def _environment(reading: Reading, at: Path) -> Iterator[tuple[str, tuple[Path, object]]]:
    """Yield the variables of a service, whichever way they are written."""
    place = (*at, "environment")
    given = reading.peek(*place)
    if isinstance(given, list):
        named = [(str(one).partition("="), (*place, index)) for index, one in enumerate(given)]
        pairs = [(name, value if sign else None, path) for (name, sign, value), path in named]
    else:
        pairs = [(name, value, (*place, name)) for name, value in reading.section(*place).items()]
    for name, value, path in pairs:
        filled = _filled(value)
        if filled is None and is_secret(name):
            # Its value belongs into a Secret in any case.
            filled = ""
        if filled is None:
            reading.lose(path, f"{name} has no value in the file; write it into the resource by hand")
        else:
            yield name, (path, filled)
    if reading.peek(*at, "env_file"):
        reading.lose((*at, "env_file"), "the file is not read; put its variables under environment and again")


def _filled(value: Any) -> Any:
    """Return a text with the defaults of its variables; None where one has none."""
    if not isinstance(value, str):
        return value
    references = list(_REFERENCE.finditer(value))
    if any(found["default"] is None and found.group() != "$$" for found in references):
        return None
    return _REFERENCE.sub(lambda found: found["default"] if found["default"] is not None else "$", value)


def _read_command(reading: Reading, at: Path) -> None:
    given = reading.take(*at, "command", default=[])
    parts = [str(part) for part in (given if isinstance(given, list) else str(given).split())]
    flat = [piece for part in parts for piece in part.split("=", 1)]
    pairs = dict(zip(flat[::2], flat[1::2], strict=False))
    for flag, value in pairs.items():
        if flag not in _FLAGS:
            reading.lose((*at, "command"), f"the flag {flag} {value} has no counterpart; see values.args")
        elif value != _FLAGS[flag]:
            reading.advise(
                (*at, "command"), f"{flag} is {_FLAGS[flag]} here, and the Services have own ports"
            )


def _read_common(reading: Reading, draft: Draft, at: Path, side: str) -> dict[str, Any]:
    """Read what any service may have. Returns its GPUs by the name of their resource."""
    for name in _HARMLESS:
        reading.tick(*at, name)
    for name in _SAME_ANYWAY:
        if reading.peek(*at, name):
            reading.advise((*at, name), "the chart says as whom and how pods run, with no rights to spare")
    for name, said in _REMEDIES.items():
        if reading.peek(*at, name):
            reading.lose((*at, name), f"has no counterpart; {said}")
    wanted: dict[str, dict[str, Any]] = {"requests": {}, "limits": {}}
    deploy = ("deploy", "resources")
    for part, ours in (("limits", "limits"), ("reservations", "requests")):
        memory, cpus = (reading.take(*at, *deploy, part, name) for name in ("memory", "cpus"))
        wanted[ours] |= _amounts(memory, cpus)
    memory, cpus = reading.take(*at, "mem_limit"), reading.take(*at, "cpus")
    wanted["limits"] |= _amounts(memory, cpus)
    wanted["requests"] |= _amounts(reading.take(*at, "mem_reservation"), None)
    if wanted["limits"] and not wanted["requests"]:
        # Else Kubernetes would set as much aside as the limit is.
        wanted["requests"] = default_requests(side, wanted["limits"])
    set_resources(draft, f"{side}.resources", wanted)
    replicas = reading.take(*at, "deploy", "replicas") or reading.take(*at, "scale")
    draft.set(f"{side}.replicas", replicas if replicas not in (None, 1) else None)
    for name in ("mode", "restart_policy", "update_config"):
        reading.tick(*at, "deploy", name)
    return _gpus(reading, at)


def _amounts(memory: object, cpus: object) -> dict[str, Any]:
    size = quantity(memory) if memory is not None else None
    found = {"memory": size, "cpu": None if cpus is None else str(cpus)}
    return {name: value for name, value in found.items() if value}


def _gpus(reading: Reading, at: Path) -> dict[str, Any]:
    gpus: dict[str, Any] = {}
    devices = (*at, "deploy", "resources", "reservations", "devices")
    for index in range(len(reading.items(*devices))):
        device = reading.section(*devices, index)
        if "gpu" not in reading.items(*devices, index, "capabilities"):
            continue
        reading.tick(*devices, index)
        ids = reading.items(*devices, index, "device_ids")
        count = len(ids) if ids else device.get("count", "all")
        if count == "all":
            reading.advise(
                (*devices, index), "all GPUs of a machine are one here; spec.gpu.count asks for more"
            )
        gpus["nvidia.com/gpu"] = 1 if count == "all" else count
    if reading.peek(*at, "runtime") == "nvidia":
        reading.tick(*at, "runtime")
        gpus.setdefault("nvidia.com/gpu", 1)
    if given := reading.take(*at, "gpus"):
        gpus.setdefault("nvidia.com/gpu", given if isinstance(given, int) else 1)
    return gpus
