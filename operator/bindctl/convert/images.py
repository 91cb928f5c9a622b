"""References of images, sizes and GPUs are put into the words of the resource."""

import re
from collections.abc import Mapping
from typing import Any

from bind_operator.api.parts import InferenceResources, WeaviateResources
from bind_operator.api.quantity import parse_quantity
from bindctl.convert.draft import Draft

_SIZE = re.compile(r"^(?P<number>[0-9]+(?:\.[0-9]+)?)\s*(?P<unit>[bkmgt]?)(?:i?b)?$", re.IGNORECASE)
_UNITS = {"": "", "b": "", "k": "Ki", "m": "Mi", "g": "Gi", "t": "Ti"}
DOCKER_HUB = "docker.io"
DEFAULT_GPU = "nvidia.com/gpu"
_GPU = re.compile(r"^nvidia\.com/|/gpu$")


def split_image(reference: str) -> tuple[str, str, str, str]:
    """Return registry, repository, tag and digest of an image as Docker reads it."""
    rest, _, digest = reference.partition("@")
    head, slash, tail = rest.partition("/")
    is_host = bool(slash) and ("." in head or ":" in head or head == "localhost")
    registry, path = (head, tail) if is_host else (DOCKER_HUB, rest)
    path, _, tag = path.partition(":")
    if registry == DOCKER_HUB and "/" not in path:
        path = f"library/{path}"
    return registry, path, tag, digest


def quantity(size: object) -> str | None:
    """Return a size of docker compose (12g, 512MB, a number of bytes) as Kubernetes writes it, else None."""
    found = _SIZE.match(str(size).strip())
    return f"{found['number']}{_UNITS[found['unit'].lower()]}" if found else None


def set_resources(draft: Draft, field: str, resources: Mapping[str, Any]) -> dict[str, Any]:
    """Set requests and limits at `field`, and return the GPUs that stood among them.

    Both are set where one is, because a default of ours in place of no limit would mean something else.
    """
    gpus: dict[str, Any] = {}
    given: dict[str, dict[str, Any]] = {"requests": {}, "limits": {}}
    for part, wanted in given.items():
        amounts = resources.get(part)
        for name, amount in (amounts if isinstance(amounts, Mapping) else {}).items():
            if _GPU.search(name):
                gpus[name] = amount
            else:
                wanted[name] = str(amount)
    if any(given.values()):
        draft.set(field, given)
    return gpus


def default_requests(side: str, limits: Mapping[str, Any]) -> dict[str, str]:
    """Return our own requests of a side, none above its limit."""
    defaults = (WeaviateResources() if side == "weaviate" else InferenceResources()).requests
    return {
        name: amount
        for name, amount in defaults.items()
        if name not in limits or parse_quantity(amount) <= parse_quantity(str(limits[name]))
    }


def set_gpu(draft: Draft, gpus: Mapping[str, Any]) -> None:
    """Set the device, and the GPU where it is not one of the most common kind."""
    draft.set("device", "CUDA")
    for name, amount in gpus.items():
        draft.set("gpu.resourceName", name if name != DEFAULT_GPU else None)
        count = int(amount) if str(amount).isdigit() else 1
        draft.set("gpu.count", count if count != 1 else None)
