"""The rules that span fields, each written once for the API server (CEL) and once for offline commands.

A message names the field and the remedy. Transition rules compare with the stored object, so they have no
offline form: a file has no past.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from bind_operator.api.identity import MAX_NAME_LENGTH
from bind_operator.api.parts import Resources
from bind_operator.api.spec import BindVectorizer, Device, ModelName, Precision, Weights
from bind_operator.quantity import parse_quantity

NAME_PATTERN = r"^[a-z]([-a-z0-9]*[a-z0-9])?$"
REGISTRY_PATTERN = r"^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]{1,5})?$"
REPOSITORY_PATTERN = r"^[a-z0-9]+([._-]+[a-z0-9]+)*(/[a-z0-9]+([._-]+[a-z0-9]+)*)*$"
TAG_PATTERN = r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$"
DIGEST_PATTERN = r"^sha256:[a-f0-9]{64}$"
SHA256_PATTERN = r"^[a-f0-9]{64}$"
VERSION_PATTERN = r"^[0-9]+[.][0-9]+[.][0-9]+([-.][A-Za-z0-9.-]+)?$"
URL_PATTERN = r"^https?://[^ ]+$"
RESOURCE_NAME_PATTERN = r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?/[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$"
CLAIM_PATTERN = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"
REFERENCE_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._:/@-]*$"
INNER_PATH_PATTERN = r"^([A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*)?$"
ENV_NAME_PATTERN = r"^[A-Za-z_][A-Za-z0-9_]*$"

INFERENCE_ENV = (
    "ENABLE_CUDA",
    "BIND_MODEL",
    "BIND_LICENSE_ACCEPTED",
    "BIND_PRECISION",
    "BIND_WEIGHTS_PATH",
    "BIND_WEIGHTS_URL",
    "BIND_WEIGHTS_SHA256",
    "BIND_CACHE_DIR",
    "BIND_HTTP_PORT",
)
"""Variables of the inference container that the chart sets from other fields."""

WEAVIATE_ENV = ("ENABLE_MODULES", "DEFAULT_VECTORIZER_MODULE", "BIND_INFERENCE_API")
"""Variables of the Weaviate container without which the vectorizer does not work."""


@dataclass(frozen=True)
class Rule:
    """One rule: where it sits in the schema, when it holds, and what it says when it does not."""

    name: str
    at: str
    """Path of the schema node that carries it, such as `spec.inference.model`; empty for the whole object."""
    cel: str
    message: str
    field_path: str = ""
    """The field that the error names, relative to `at`; empty for `at` itself."""
    holds: Callable[[BindVectorizer], bool] | None = None
    """The offline form; None for a transition rule."""

    @property
    def field(self) -> str:
        """The whole path of the field at fault."""
        return f"{self.at}{self.field_path}" or "metadata.name"


def _matches(pattern: str, value: str | None) -> bool:
    return value is None or re.search(pattern, value) is not None


def _within_limits(resources: Resources) -> bool:
    """Whether no request is above its limit."""
    return all(
        parse_quantity(request) <= parse_quantity(resources.limits.get(name, request))
        for name, request in resources.requests.items()
    )


def _sources(bv: BindVectorizer) -> int:
    """Return how many places the weights are said to come from."""
    weights = bv.spec.inference.model.weights
    return sum(source is not None for source in (weights.url, weights.existing_claim, weights.image))


def _has_checksum(weights: Weights) -> bool:
    """Whether a sum is there where it must be, and only where there is something to check."""
    if weights.url is not None:
        return weights.sha256 is not None
    return weights.sha256 is None or weights.existing_claim is not None or weights.image is not None


def _claim(bv: BindVectorizer, field: str) -> str | None:
    return getattr(bv.spec.inference.model.weights.existing_claim, field, None)


def _image(bv: BindVectorizer, field: str) -> str | None:
    return getattr(bv.spec.inference.model.weights.image, field, None)


def _cel_pattern(field: str, pattern: str) -> str:
    return f"!has(self.{field}) || self.{field}.matches('{pattern}')"


def _cel_list(names: tuple[str, ...]) -> str:
    return "[" + ", ".join(f"'{name}'" for name in names) + "]"


CEL_LIMITS = (
    "!has(self.limits) || !has(self.requests) || self.requests.all(k, !(k in self.limits) || "
    "quantity(string(self.limits[k])).compareTo(quantity(string(self.requests[k]))) >= 0)"
)

IDENTITY_RULES = (
    Rule(
        name="name-is-short",
        at="",
        cel=f"self.metadata.name.size() <= {MAX_NAME_LENGTH}",
        message=f"metadata.name must have at most {MAX_NAME_LENGTH} characters, for names of Services and "
        "labels are made from it; choose a shorter name",
        holds=lambda bv: len(bv.metadata.name) <= MAX_NAME_LENGTH,
    ),
    Rule(
        name="name-is-a-label",
        at="",
        cel=f"self.metadata.name.matches('{NAME_PATTERN}')",
        message="metadata.name must begin with a letter and hold only a-z, 0-9 and '-', for names of "
        "Services are made from it; choose such a name",
        holds=lambda bv: _matches(NAME_PATTERN, bv.metadata.name),
    ),
)

DEVICE_RULES = (
    Rule(
        name="gpu-needs-cuda",
        at="spec",
        cel="self.device == 'CUDA' || !has(self.gpu)",
        message="spec.gpu is only used with device CUDA; set spec.device: CUDA or remove spec.gpu",
        field_path=".gpu",
        holds=lambda bv: bv.spec.device is Device.CUDA or bv.spec.gpu is None,
    ),
    Rule(
        name="gpu-resource-name",
        at="spec.gpu",
        cel=_cel_pattern("resourceName", RESOURCE_NAME_PATTERN),
        message="spec.gpu.resourceName must be the domain and name of an extended resource; set it to one "
        "that `kubectl describe node` shows, such as nvidia.com/gpu or nvidia.com/mig-1g.10gb",
        field_path=".resourceName",
        holds=lambda bv: bv.spec.gpu is None or _matches(RESOURCE_NAME_PATTERN, bv.spec.gpu.resource_name),
    ),
    Rule(
        name="gpu-is-not-a-plain-resource",
        at="spec.inference.resources",
        cel="(!has(self.limits) || !self.limits.exists(k, k.contains('/'))) && "
        "(!has(self.requests) || !self.requests.exists(k, k.contains('/')))",
        message="spec.inference.resources must not name GPUs or other extended resources; set spec.device: "
        "CUDA and spec.gpu instead",
        holds=lambda bv: (
            not any(
                "/" in key
                for key in (*bv.spec.inference.resources.limits, *bv.spec.inference.resources.requests)
            )
        ),
    ),
)

INFERENCE_RULES = (
    Rule(
        name="licence-is-accepted",
        at="spec",
        cel="self.inference.model.name != 'ImageBindHuge' || self.inference.model.licenseAccepted",
        message="spec.inference.model.licenseAccepted must be true for ImageBindHuge, whose weights are "
        "under CC BY-NC-SA 4.0 (no commercial use); set it to true to accept that licence, or set "
        "spec.inference.model.name: Tiny to only try the system",
        field_path=".inference.model.licenseAccepted",
        holds=lambda bv: (
            bv.spec.inference.model.name is not ModelName.IMAGEBIND_HUGE
            or bv.spec.inference.model.license_accepted
        ),
    ),
    Rule(
        name="float16-needs-cuda",
        at="spec",
        cel="self.inference.model.precision != 'float16' || self.device == 'CUDA'",
        message="spec.inference.model.precision float16 is for GPUs only; set spec.device: CUDA, or choose "
        "bfloat16, int8 or auto",
        field_path=".inference.model.precision",
        holds=lambda bv: (
            bv.spec.inference.model.precision is not Precision.FLOAT16 or bv.spec.device is Device.CUDA
        ),
    ),
    Rule(
        name="int8-needs-cpu",
        at="spec",
        cel="self.inference.model.precision != 'int8' || self.device == 'CPU'",
        message="spec.inference.model.precision int8 is for CPUs only; set spec.device: CPU, or choose "
        "float16, bfloat16 or auto",
        field_path=".inference.model.precision",
        holds=lambda bv: (
            bv.spec.inference.model.precision is not Precision.INT8 or bv.spec.device is Device.CPU
        ),
    ),
    Rule(
        name="weights-have-one-source",
        at="spec.inference.model.weights",
        cel="[has(self.url), has(self.existingClaim), has(self.image)].filter(s, s).size() <= 1",
        message="spec.inference.model.weights takes only one of url, existingClaim and image; remove the "
        "others",
        holds=lambda bv: _sources(bv) <= 1,
    ),
    Rule(
        name="weights-have-a-checksum",
        at="spec.inference.model.weights",
        cel="has(self.url) ? has(self.sha256) : "
        "(!has(self.sha256) || has(self.existingClaim) || has(self.image))",
        message="spec.inference.model.weights.url and sha256 belong together; set both, or neither for the "
        "published checkpoint. Without url, sha256 needs an existingClaim or an image",
        holds=lambda bv: _has_checksum(bv.spec.inference.model.weights),
    ),
    Rule(
        name="weights-claim-name",
        at="spec.inference.model.weights.existingClaim",
        cel=_cel_pattern("name", CLAIM_PATTERN),
        message="spec.inference.model.weights.existingClaim.name must be the name of a "
        "PersistentVolumeClaim; give one that `kubectl get pvc` shows",
        field_path=".name",
        holds=lambda bv: _matches(CLAIM_PATTERN, _claim(bv, "name")),
    ),
    Rule(
        name="weights-claim-path",
        at="spec.inference.model.weights.existingClaim",
        cel=_cel_pattern("path", INNER_PATH_PATTERN),
        message="spec.inference.model.weights.existingClaim.path must be relative to the volume's root, of "
        "letters, digits, '.', '_' and '-', no part of it beginning with '.'; write it as models/imagebind",
        field_path=".path",
        holds=lambda bv: _matches(INNER_PATH_PATTERN, _claim(bv, "path")),
    ),
    Rule(
        name="weights-image-reference",
        at="spec.inference.model.weights.image",
        cel=_cel_pattern("reference", REFERENCE_PATTERN),
        message="spec.inference.model.weights.image.reference must be an image with its tag or digest, "
        "without a scheme; write it as registry.example.com/team/imagebind-weights:1",
        field_path=".reference",
        holds=lambda bv: _matches(REFERENCE_PATTERN, _image(bv, "reference")),
    ),
    Rule(
        name="weights-image-path",
        at="spec.inference.model.weights.image",
        cel=_cel_pattern("path", INNER_PATH_PATTERN),
        message="spec.inference.model.weights.image.path must be relative to the image's root, of letters, "
        "digits, '.', '_' and '-', no part of it beginning with '.'; write it as models/imagebind",
        field_path=".path",
        holds=lambda bv: _matches(INNER_PATH_PATTERN, _image(bv, "path")),
    ),
    Rule(
        name="weights-url",
        at="spec.inference.model.weights",
        cel=_cel_pattern("url", URL_PATTERN),
        message="spec.inference.model.weights.url must begin with http:// or https://; give the address of "
        "the checkpoint file",
        field_path=".url",
        holds=lambda bv: _matches(URL_PATTERN, bv.spec.inference.model.weights.url),
    ),
    Rule(
        name="weights-sha256",
        at="spec.inference.model.weights",
        cel=_cel_pattern("sha256", SHA256_PATTERN),
        message="spec.inference.model.weights.sha256 must be 64 lower-case hex digits; give what `sha256sum` "
        "prints for the file",
        field_path=".sha256",
        holds=lambda bv: _matches(SHA256_PATTERN, bv.spec.inference.model.weights.sha256),
    ),
    Rule(
        name="cache-does-not-shrink",
        at="spec.inference.model.cache.size",
        cel="quantity(string(self)).compareTo(quantity(string(oldSelf))) >= 0",
        message="spec.inference.model.cache.size cannot shrink, for a volume cannot; set it back to the old "
        "size or a larger one",
    ),
    Rule(
        name="cache-class-is-fixed",
        at="spec.inference.model.cache",
        cel="has(self.storageClassName) == has(oldSelf.storageClassName) && "
        "(!has(self.storageClassName) || self.storageClassName == oldSelf.storageClassName)",
        message="spec.inference.model.cache.storageClassName cannot change, for a volume's class cannot; set "
        "it back, or delete this resource and create it anew",
        field_path=".storageClassName",
    ),
    Rule(
        name="inference-limits",
        at="spec.inference.resources",
        cel=CEL_LIMITS,
        message="spec.inference.resources.limits must not be below requests (which are 1 cpu and 3Gi of "
        "memory where unset); raise the limit or set a lower request",
        field_path=".limits",
        holds=lambda bv: _within_limits(bv.spec.inference.resources),
    ),
    Rule(
        name="inference-env-is-free",
        at="spec.inference.extraEnv",
        cel=f"self.all(e, !(e.name in {_cel_list(INFERENCE_ENV)}))",
        message=f"spec.inference.extraEnv must not set {', '.join(INFERENCE_ENV)}; use spec.device and "
        "spec.inference.model for them",
        holds=lambda bv: not any(e.name in INFERENCE_ENV for e in bv.spec.inference.extra_env),
    ),
    Rule(
        name="inference-env-names",
        at="spec.inference.extraEnv",
        cel=f"self.all(e, e.name.matches('{ENV_NAME_PATTERN}'))",
        message="spec.inference.extraEnv names must be letters, digits and '_', not beginning with a digit; "
        "rename the variable",
        holds=lambda bv: all(_matches(ENV_NAME_PATTERN, e.name) for e in bv.spec.inference.extra_env),
    ),
)

WEAVIATE_RULES = (
    Rule(
        name="weaviate-version",
        at="spec.weaviate",
        cel=_cel_pattern("version", VERSION_PATTERN),
        message="spec.weaviate.version must be a whole version without a leading v; set one such as 1.35.2",
        field_path=".version",
        holds=lambda bv: _matches(VERSION_PATTERN, bv.spec.weaviate.version),
    ),
    Rule(
        name="storage-size-is-fixed",
        at="spec.weaviate.storage.size",
        cel="quantity(string(self)).compareTo(quantity(string(oldSelf))) == 0",
        message="spec.weaviate.storage.size cannot change, for a StatefulSet's volume claim templates "
        "cannot; to grow the data, set it back and enlarge the PersistentVolumeClaims themselves (kubectl "
        "edit pvc), if their StorageClass allows expansion",
    ),
    Rule(
        name="storage-class-is-fixed",
        at="spec.weaviate.storage",
        cel="has(self.storageClassName) == has(oldSelf.storageClassName) && "
        "(!has(self.storageClassName) || self.storageClassName == oldSelf.storageClassName)",
        message="spec.weaviate.storage.storageClassName cannot change, for a StatefulSet's volume claim "
        "templates cannot; set it back, or create a new BindVectorizer and copy the data",
        field_path=".storageClassName",
    ),
    Rule(
        name="weaviate-limits",
        at="spec.weaviate.resources",
        cel=CEL_LIMITS,
        message="spec.weaviate.resources.limits must not be below requests (which are 500m of cpu and 512Mi "
        "of memory where unset); raise the limit or set a lower request",
        field_path=".limits",
        holds=lambda bv: _within_limits(bv.spec.weaviate.resources),
    ),
    Rule(
        name="weaviate-env-is-free",
        at="spec.weaviate.env",
        cel=f"self.all(k, !(k in {_cel_list(WEAVIATE_ENV)}))",
        message=f"spec.weaviate.env must not set {', '.join(WEAVIATE_ENV)}, for they join Weaviate to the "
        "inference server; remove them",
        holds=lambda bv: not any(name in WEAVIATE_ENV for name in bv.spec.weaviate.env),
    ),
    Rule(
        name="weaviate-env-names",
        at="spec.weaviate.env",
        cel=f"self.all(k, k.matches('{ENV_NAME_PATTERN}'))",
        message="spec.weaviate.env names must be letters, digits and '_', not beginning with a digit; rename "
        "the variable",
        holds=lambda bv: all(_matches(ENV_NAME_PATTERN, name) for name in bv.spec.weaviate.env),
    ),
)


def _image_rules(section: str, *, with_tag: bool) -> tuple[Rule, ...]:
    """Return the rules of the image under `spec.<section>.image`."""
    at = f"spec.{section}.image"
    parts = [
        ("registry", REGISTRY_PATTERN, "a host with an optional port", "no scheme and no path in it"),
        ("repository", REPOSITORY_PATTERN, "a lower-case path", "no registry, tag or digest in it"),
    ]
    if with_tag:
        parts += [
            ("tag", TAG_PATTERN, "a tag as 0.1.0", "a digest goes into the digest field"),
            ("digest", DIGEST_PATTERN, "sha256: and 64 hex digits", "a tag goes into the tag field"),
        ]

    def check(part: str, pattern: str) -> Callable[[BindVectorizer], bool]:
        return lambda bv: _matches(pattern, getattr(getattr(bv.spec, section).image, part))

    return tuple(
        Rule(
            name=f"{section}-image-{part}",
            at=at,
            cel=_cel_pattern(part, pattern),
            message=f"{at}.{part} must be {form}; {remedy}",
            field_path=f".{part}",
            holds=check(part, pattern),
        )
        for part, pattern, form, remedy in parts
    )


RULES: tuple[Rule, ...] = (
    *IDENTITY_RULES,
    *DEVICE_RULES,
    *INFERENCE_RULES,
    *_image_rules("inference", with_tag=True),
    *WEAVIATE_RULES,
    *_image_rules("weaviate", with_tag=False),
)
"""All rules, in the order in which the reference page lists them."""
