"""A resource becomes the values of its Helm release: same resource, settings and chart, same bytes."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import jinja2
import jsonschema
import yaml
from pydantic import BaseModel

from bind_operator.api.hardware import DEFAULT_GPU, Gpu
from bind_operator.api.parts import InferenceImage, WeaviateImage
from bind_operator.api.spec import BindVectorizer, Device
from bind_operator.errors import RenderFailed
from bind_operator.policy.authentication import Access, access_of, inference_keys_of
from bind_operator.policy.names import CHART, MODULE, OPERATOR
from bind_operator.policy.shape import MANAGED, Shape, shape_of
from bind_operator.release.chart import Chart
from bind_operator.settings import Images, ImageSetting

MAX_KNOWN = 4096
"""The values of so many resources are remembered, about 4 kB each."""

DIGEST_LENGTH = 32
"""A release's digest has so many hex digits, because it must fit a label."""

_UNSAFE_IN_YAML = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
"""JSON takes these characters as they are, but YAML refuses them or reads them as the end of a line."""

HEADER = f"# Values of chart {CHART}, rendered by {OPERATOR}.\n"


@dataclass(frozen=True)
class RenderedValues:
    """It holds the values of one release."""

    text: str
    """The values file, YAML."""
    digest: str
    """Digest of the chart and of these values; a release that carries it needs no upgrade."""
    shape: Shape = MANAGED
    """It has these workloads."""


@dataclass(frozen=True)
class _Source:
    """It is a resource, known again by the text of its spec: models that hold maps have no hash."""

    text: str
    resource: BindVectorizer = field(compare=False)
    access: Access | None = field(compare=False)
    inference_secret: str = field(compare=False)


def render_values(
    resource: BindVectorizer,
    images: Images,
    chart: Chart,
    operator_peers: Sequence[Mapping[str, Any]] = (),
    access: Access | None = None,
) -> RenderedValues:
    """Return the values of the release of `resource`.

    operator_peers: where the operator runs, as the peers of a network policy. access: who may ask Weaviate;
    None: as for a new resource. Raises RenderFailed, naming the value, if they do not fit the chart's schema.
    """
    weaviate = resource.spec.weaviate
    if weaviate.external is not None:
        access = None
    elif access is None:
        access = access_of(resource.metadata.name, weaviate, was_open=False)
    keys = inference_keys_of(resource.metadata.name, resource.spec.inference)
    # What it has beside the spec.
    seen = [access.anonymous, access.secret, access.revision] if access else []
    text = f"{resource.spec.model_dump_json()}\0{json.dumps([seen, keys.secret])}"
    source = _Source(text, resource, access, keys.secret)
    return _render(source, images, chart, json.dumps(operator_peers))


# Resources at rest are looked at every few minutes, and all that they had to say was said the first time.
@lru_cache(maxsize=MAX_KNOWN)
def _render(source: _Source, images: Images, chart: Chart, peers: str) -> RenderedValues:
    spec = source.resource.spec
    has_gpu = spec.device is Device.CUDA
    fallback = images.inference.for_device(has_gpu=has_gpu)
    text = _template().render(
        spec=spec,
        gpu=(spec.gpu or Gpu()) if has_gpu else None,
        inference_image=_inference_image(spec.inference.image, fallback),
        weaviate_image=_weaviate_image(spec.weaviate.image, images.weaviate, spec.weaviate.version),
        default_gpu=DEFAULT_GPU,
        gate_image=images.gate,
        operator_peers=json.loads(peers),
        access=source.access,
        inference_secret=source.inference_secret,
        module=MODULE,
    )
    values = yaml.safe_load(text)
    _check(values, chart)
    canonical = json.dumps(values, sort_keys=True, separators=(",", ":"))
    digest = hashlib.sha256(f"{chart.digest}\0{canonical}".encode()).hexdigest()[:DIGEST_LENGTH]
    return RenderedValues(HEADER + text.strip() + "\n", digest, shape_of(spec))


def _to_json(value: object) -> str:
    """Return `value` as JSON that YAML takes as it is; models become camelCase maps without unset fields."""
    text = json.dumps(value, default=_plain, ensure_ascii=False)
    return _UNSAFE_IN_YAML.sub(lambda match: f"\\u{ord(match.group()):04x}", text)


def _plain(value: object) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", by_alias=True, exclude_none=True)
    raise TypeError(f"{type(value).__name__} is not a value")


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        undefined=jinja2.StrictUndefined,
        finalize=_to_json,
        autoescape=False,  # noqa: S701  (the output is YAML, and finalize writes each value as JSON)
        keep_trailing_newline=True,
    )
    return environment.get_template("values.yaml.j2")


def _check(values: Any, chart: Chart) -> None:
    """Raise RenderFailed if `values` do not fit the schema of `chart`."""
    error = jsonschema.exceptions.best_match(jsonschema.Draft7Validator(chart.schema).iter_errors(values))
    if error is not None:
        path = ".".join(str(part) for part in error.absolute_path) or "the values"
        raise RenderFailed(f"the chart {chart.full_name} does not take {path}: {error.message[:300]}")


def _inference_image(image: InferenceImage, fallback: ImageSetting) -> ImageSetting:
    """Return the image of the inference server; a tag of the resource is not joined with our digest."""
    names_its_own = image.tag or image.digest or image.registry or image.repository
    return ImageSetting(
        registry=image.registry or fallback.registry,
        repository=image.repository or fallback.repository,
        tag=image.tag or fallback.tag,
        digest=image.digest or ("" if names_its_own else fallback.digest),
    )


def _weaviate_image(image: WeaviateImage, fallback: ImageSetting, version: str) -> ImageSetting:
    return ImageSetting(
        registry=image.registry or fallback.registry,
        repository=image.repository or fallback.repository,
        tag=version,
        digest=fallback.digest,
    )
