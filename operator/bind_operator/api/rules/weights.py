"""Of where the model's weights come from, and of the cache that keeps them."""

from bind_operator.api.rules.rule import CEL_CLASS_IS_FIXED, Rule, cel_pattern, matches
from bind_operator.api.spec import BindVectorizer, Weights

SHA256_PATTERN = r"^[a-f0-9]{64}$"
URL_PATTERN = r"^https?://[^ ]+$"
CLAIM_PATTERN = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"
REFERENCE_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._:/@-]*$"
INNER_PATH_PATTERN = r"^([A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*)?$"


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


WEIGHTS_RULES = (
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
        cel=cel_pattern("name", CLAIM_PATTERN),
        message="spec.inference.model.weights.existingClaim.name must be the name of a "
        "PersistentVolumeClaim; give one that `kubectl get pvc` shows",
        field_path=".name",
        holds=lambda bv: matches(CLAIM_PATTERN, _claim(bv, "name")),
    ),
    Rule(
        name="weights-claim-path",
        at="spec.inference.model.weights.existingClaim",
        cel=cel_pattern("path", INNER_PATH_PATTERN),
        message="spec.inference.model.weights.existingClaim.path must be relative to the volume's root, of "
        "letters, digits, '.', '_' and '-', no part of it beginning with '.'; write it as models/imagebind",
        field_path=".path",
        holds=lambda bv: matches(INNER_PATH_PATTERN, _claim(bv, "path")),
    ),
    Rule(
        name="weights-image-reference",
        at="spec.inference.model.weights.image",
        cel=cel_pattern("reference", REFERENCE_PATTERN),
        message="spec.inference.model.weights.image.reference must be an image with its tag or digest, "
        "without a scheme; write it as registry.example.com/team/imagebind-weights:1",
        field_path=".reference",
        holds=lambda bv: matches(REFERENCE_PATTERN, _image(bv, "reference")),
    ),
    Rule(
        name="weights-image-path",
        at="spec.inference.model.weights.image",
        cel=cel_pattern("path", INNER_PATH_PATTERN),
        message="spec.inference.model.weights.image.path must be relative to the image's root, of letters, "
        "digits, '.', '_' and '-', no part of it beginning with '.'; write it as models/imagebind",
        field_path=".path",
        holds=lambda bv: matches(INNER_PATH_PATTERN, _image(bv, "path")),
    ),
    Rule(
        name="weights-url",
        at="spec.inference.model.weights",
        cel=cel_pattern("url", URL_PATTERN),
        message="spec.inference.model.weights.url must begin with http:// or https://; give the address of "
        "the checkpoint file",
        field_path=".url",
        holds=lambda bv: matches(URL_PATTERN, bv.spec.inference.model.weights.url),
    ),
    Rule(
        name="weights-sha256",
        at="spec.inference.model.weights",
        cel=cel_pattern("sha256", SHA256_PATTERN),
        message="spec.inference.model.weights.sha256 must be 64 lower-case hex digits; give what `sha256sum` "
        "prints for the file",
        field_path=".sha256",
        holds=lambda bv: matches(SHA256_PATTERN, bv.spec.inference.model.weights.sha256),
    ),
)

CACHE_RULES = (
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
        cel=CEL_CLASS_IS_FIXED,
        message="spec.inference.model.cache.storageClassName cannot change, for a volume's class cannot; set "
        "it back, or delete this resource and create it anew",
        field_path=".storageClassName",
    ),
)
