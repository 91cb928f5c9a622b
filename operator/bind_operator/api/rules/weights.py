"""These rules are about where the model's weights come from."""

from bind_operator.api.rules.rule import Rule, pattern_rule

WEIGHTS = "spec.inference.model.weights"

SHA256_PATTERN = r"^[a-f0-9]{64}$"
URL_PATTERN = r"^https?://[^ ]+$"
CLAIM_PATTERN = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"
REFERENCE_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._:/@-]*$"
INNER_PATH_PATTERN = r"^([A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*)?$"


def _path_rule(name: str, source: str, root: str) -> Rule:
    return pattern_rule(
        name,
        f"{WEIGHTS}.{source}",
        "path",
        INNER_PATH_PATTERN,
        f"be relative to the {root}'s root, of letters, digits, '.', '_' and '-', no part of it beginning "
        "with '.'; write it as models/imagebind",
    )


WEIGHTS_RULES = (
    Rule(
        name="weights-have-one-source",
        at=WEIGHTS,
        cel="[has(self.url), has(self.existingClaim), has(self.image)].filter(s, s).size() <= 1",
        message="spec.inference.model.weights takes only one of url, existingClaim and image; remove the "
        "others",
    ),
    Rule(
        name="weights-have-a-checksum",
        at=WEIGHTS,
        cel="has(self.url) ? has(self.sha256) : "
        "(!has(self.sha256) || has(self.existingClaim) || has(self.image))",
        message="spec.inference.model.weights.url and sha256 belong together; set both, or neither for the "
        "published checkpoint. Without url, sha256 needs an existingClaim or an image",
    ),
    pattern_rule(
        "weights-claim-name",
        f"{WEIGHTS}.existingClaim",
        "name",
        CLAIM_PATTERN,
        "be the name of a PersistentVolumeClaim; give one that `kubectl get pvc` shows",
    ),
    _path_rule("weights-claim-path", "existingClaim", "volume"),
    pattern_rule(
        "weights-image-reference",
        f"{WEIGHTS}.image",
        "reference",
        REFERENCE_PATTERN,
        "be an image with its tag or digest, without a scheme; write it as "
        "registry.example.com/team/imagebind-weights:1",
    ),
    _path_rule("weights-image-path", "image", "image"),
    pattern_rule(
        "weights-url",
        WEIGHTS,
        "url",
        URL_PATTERN,
        "begin with http:// or https://; give the address of the checkpoint file",
    ),
    pattern_rule(
        "weights-sha256",
        WEIGHTS,
        "sha256",
        SHA256_PATTERN,
        "be 64 lower-case hex digits; give what `sha256sum` prints for the file",
    ),
)
