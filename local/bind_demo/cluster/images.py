"""The images that the operator's chart is given in place of its own."""

from collections.abc import Mapping
from dataclasses import dataclass

OPERATOR = "bind-operator"
INFERENCE = "bind-inference"
INFERENCE_CPU = "bind-inference-cpu"
"""The name, with its variant, of the image without CUDA; it is a tag of the other's repository."""


@dataclass(frozen=True)
class ImageChoice:
    """Helm values that replace the chart's own: registry, repository and tag of an image, by their paths."""

    values: Mapping[str, str]

    def helm_args(self) -> list[str]:
        """Return the values as `--set-string` arguments."""
        return [arg for path, value in self.values.items() for arg in ("--set-string", f"{path}={value}")]


def published() -> ImageChoice:
    """Return the choice of nothing: the chart's own images, as published."""
    return ImageChoice({})


def from_registry(registry: str, tags: Mapping[str, str]) -> ImageChoice:
    """Return the images that `make images REGISTRY=…` pushed: the published names below another prefix.

    registry: host and path, such as `registry.example.org/team`. tags: by name and variant. They follow from
    the contents, so that a node that has pulled an older build does not take it for this one.
    """
    host, _, path = registry.strip("/").partition("/")
    prefix = f"{path}/" if path else ""
    return ImageChoice(
        {
            "image.registry": host,
            "image.repository": f"{prefix}{OPERATOR}",
            "image.tag": tags[OPERATOR],
            "images.inference.registry": host,
            "images.inference.repository": f"{prefix}{INFERENCE}",
            "images.inference.tag": tags[INFERENCE],
            "images.inference.cpu.tag": tags[INFERENCE_CPU],
        }
    )


def tagged(tags: Mapping[str, str]) -> ImageChoice:
    """Return the local cluster's images: the published names, with tags that follow from their contents.

    It has no GPU, and of the server's images the one for CPUs alone.
    """
    return ImageChoice({"image.tag": tags[OPERATOR], "images.inference.tag": tags[INFERENCE_CPU]})
