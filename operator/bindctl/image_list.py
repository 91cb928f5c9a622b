"""The images of the pods that rendered values ask for."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import bind_operator
from bind_operator.api.spec import Weaviate
from bind_operator.settings import Images, ImageSetting


@dataclass(frozen=True, order=True)
class Image:
    """It is an image by its full name: registry/repository, then :tag or @digest."""

    name: str

    def moved_to(self, registry: str) -> str:
        """Return its name in another registry, which may have a path; the repository stays."""
        first, _, rest = self.name.partition("/")
        is_host = "." in first or ":" in first or first == "localhost"
        return f"{registry.rstrip('/')}/{rest if is_host else self.name}"


def operator_image(images: Images) -> Image:
    """Return the operator's own image."""
    tag = images.operator.tag or bind_operator.__version__
    return _of_setting(images.operator.model_copy(update={"tag": tag}))


def default_images(images: Images) -> Iterator[Image]:
    """Yield the images that the operator gives to resources which name none, for both devices."""
    for setting in (
        images.inference.for_device(has_gpu=False),
        images.inference.for_device(has_gpu=True),
        images.gate,
    ):
        yield _of_setting(setting)
    weaviate = images.weaviate
    yield _of_setting(
        weaviate.model_copy(update={"tag": weaviate.tag or Weaviate.model_fields["version"].default})
    )


def images_in(values: Mapping[str, Any]) -> Iterator[Image]:
    """Yield the images that the charts' pods have by these values, in the values' order."""
    gate = values.get("gate", {})
    module = values["modules"]["multi2vec-bind"]
    if gate.get("mode") != "Deployment":
        yield _of_values(values["image"])
    if "image" in gate:
        yield _of_values(gate["image"])
    if "backupRetention" in values:
        yield _of_values(values["backupRetention"]["image"])
    if module["enabled"]:
        yield _of_values(module)
        weights = module.get("model", {}).get("weights", {}).get("image") or {}
        if weights.get("reference"):
            yield Image(weights["reference"])


def _of_setting(setting: ImageSetting) -> Image:
    return _named(setting.registry, setting.repository, setting.tag, setting.digest)


def _of_values(image: Mapping[str, Any]) -> Image:
    return _named(image["registry"], image["repo"], image["tag"], image.get("digest", ""))


def _named(registry: str, repository: str, tag: str, digest: str) -> Image:
    return Image(f"{registry}/{repository}@{digest}" if digest else f"{registry}/{repository}:{tag}")
