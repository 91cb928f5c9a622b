"""A resource becomes the values of its Helm release: same resource, settings and chart, same bytes."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import jinja2
import jsonschema
import yaml

from bind_operator.api.delivery import Delivery
from bind_operator.api.hardware import DEFAULT_GPU, Gpu
from bind_operator.api.parts import InferenceImage, WeaviateImage
from bind_operator.api.spec import BindVectorizer, BindVectorizerSpec, Device
from bind_operator.errors import RenderFailed
from bind_operator.policy.authentication import Access, access_of, inference_keys_of
from bind_operator.policy.names import CHART, MODULE, OPERATOR
from bind_operator.policy.shape import MANAGED, Shape, shape_of
from bind_operator.release.backups import backup_values, retention_values
from bind_operator.release.chart import Chart
from bind_operator.release.layers import Layer, build_layer, digest_of, lay_over, secrets_of
from bind_operator.release.yaml_text import to_json, to_yaml
from bind_operator.settings import Images, ImageSetting

MAX_KNOWN = 4096
"""The values of so many resources are remembered, about 4 kB each."""

DIGEST_LENGTH = 32
"""A release's digest has so many hex digits, because it must fit a label."""

SILENT = {"DISABLE_TELEMETRY": "true"}
"""So it is in the chart's own values, and not in those of upstream's chart, which may be given these, too."""

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
    layers_digest: str | None = None
    """Digest of what `spec.valuesFrom` and `spec.values` say; None if they say nothing."""
    secrets: tuple[str, ...] = field(default=(), repr=False)
    """These texts came from Secrets, and are masked wherever Helm says them."""


@dataclass(frozen=True)
class _Source:
    """It is a resource, known again by the text of its spec: models that hold maps have no hash."""

    text: str
    resource: BindVectorizer = field(compare=False)
    access: Access | None = field(compare=False)
    inference_secret: str = field(compare=False)
    layers: tuple[Layer, ...] = ()


def render_values(
    resource: BindVectorizer,
    images: Images,
    chart: Chart,
    operator_peers: Sequence[Mapping[str, Any]] = (),
    layers: Sequence[Layer] = (),
    access: Access | None = None,
) -> RenderedValues:
    """Return the values of the release of `resource`.

    operator_peers: where the operator runs, as the peers of a network policy. layers: what `spec.valuesFrom`
    names, in its order. access: who may ask Weaviate; None: as for a new resource.
    Raises RenderFailed, naming the value, if they do not fit the chart's schema, and InvalidValues.
    """
    spec = resource.spec
    if spec.values:
        layers = (*layers, build_layer("spec.values", spec.values))
    # The operator asks nothing of what somebody else installs, and the same resource gives the same bytes.
    peers = () if spec.delivery is Delivery.RENDER else operator_peers
    if spec.weaviate.external is not None:
        access = None
    elif access is None:
        access = access_of(resource.metadata.name, spec.weaviate, was_open=False)
    keys = inference_keys_of(resource.metadata.name, spec.inference)
    # What it has beside the spec.
    seen = [access.anonymous, access.secret, access.revision] if access else []
    text = f"{spec.model_dump_json()}\0{json.dumps([seen, keys.secret])}"
    source = _Source(text, resource, access, keys.secret, tuple(layers))
    return _render(source, images, chart, json.dumps(peers))


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
        backups=backup_values(spec.weaviate.backup),
        env=SILENT | spec.weaviate.env,
        inference_resources=_inference_resources(spec),
        retention=retention_values(spec.weaviate.backup, images.operator),
    )
    values = yaml.safe_load(text)
    _check(values, chart)
    if source.layers:
        values = lay_over(values, source.layers, chart.schema)
        _check(values, chart)
        text = to_yaml(values)
    canonical = json.dumps(values, sort_keys=True, separators=(",", ":"))
    digest = hashlib.sha256(f"{chart.digest}\0{canonical}".encode()).hexdigest()[:DIGEST_LENGTH]
    return RenderedValues(
        HEADER + text.strip() + "\n",
        digest,
        shape_of(spec),
        digest_of(source.layers),
        secrets_of(source.layers),
    )


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        undefined=jinja2.StrictUndefined,
        finalize=to_json,
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


def _inference_resources(spec: BindVectorizerSpec) -> dict[str, Any]:
    """Return the resources of an inference pod with its GPUs, for which upstream's chart has no value."""
    resources: dict[str, Any] = spec.inference.resources.model_dump()
    gpu = (spec.gpu or Gpu()) if spec.device is Device.CUDA else None
    if gpu is not None and not gpu.resource_claims:
        resources["limits"] = resources["limits"] | {gpu.resource_name or DEFAULT_GPU: gpu.count or 1}
    return resources


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
