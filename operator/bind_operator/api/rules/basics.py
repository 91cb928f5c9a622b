"""These rules are about the resource's name, its profile and device, and its drift detection.

Where a field is unset that a profile may set, the API server cannot judge; the operator does.
"""

from bind_operator.api.identity import MAX_NAME_LENGTH
from bind_operator.api.profile import PROFILE_NAME_PATTERN
from bind_operator.api.rules.rule import Rule, pattern_rule

NAME_PATTERN = r"^[a-z]([-a-z0-9]*[a-z0-9])?$"
CLAIM_NAME_PATTERN = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
RESOURCE_NAME_PATTERN = r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?/[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$"

IDENTITY_RULES = (
    Rule(
        name="name-is-short",
        at="",
        cel=f"self.metadata.name.size() <= {MAX_NAME_LENGTH}",
        message=f"metadata.name must have at most {MAX_NAME_LENGTH} characters, because names of Services "
        "and labels are made from it; choose a shorter name",
    ),
    Rule(
        name="name-is-a-label",
        at="",
        cel=f"self.metadata.name.matches('{NAME_PATTERN}')",
        message="metadata.name must begin with a letter and hold only a-z, 0-9 and '-', because names "
        "of Services are made from it; choose such a name",
    ),
)

_NO_CLAIMS = "!has(self.resourceClaims) || self.resourceClaims.size() == 0"

DEVICE_RULES = (
    pattern_rule(
        "profile-name",
        "spec",
        "profile",
        PROFILE_NAME_PATTERN,
        "be the name of a hardware profile, of a-z, 0-9, '-' and '.'; give one that the operator has",
    ),
    Rule(
        name="gpu-needs-cuda",
        at="spec",
        cel="!has(self.gpu) || (has(self.device) ? self.device == 'CUDA' : has(self.profile))",
        message="spec.gpu is only used with device CUDA; set spec.device: CUDA or remove spec.gpu",
        field_path=".gpu",
    ),
    pattern_rule(
        "gpu-resource-name",
        "spec.gpu",
        "resourceName",
        RESOURCE_NAME_PATTERN,
        "be the domain and name of an extended resource; set it to one that `kubectl describe node` shows, "
        "such as nvidia.com/gpu or nvidia.com/mig-1g.10gb",
    ),
    Rule(
        name="gpu-claims-or-count",
        at="spec.gpu",
        cel=f"{_NO_CLAIMS} || !(has(self.resourceName) || has(self.count))",
        message="spec.gpu takes resourceClaims, or resourceName and count; remove one of them",
    ),
    Rule(
        name="gpu-claims-have-one-source",
        at="spec.gpu",
        cel=f"{_NO_CLAIMS} || "
        "self.resourceClaims.all(c, has(c.resourceClaimName) != has(c.resourceClaimTemplateName))",
        message="spec.gpu.resourceClaims takes resourceClaimName or resourceClaimTemplateName; set exactly "
        "one",
        field_path=".resourceClaims",
    ),
    Rule(
        name="gpu-claims-are-named",
        at="spec.gpu",
        cel=f"{_NO_CLAIMS} || self.resourceClaims.all(c, c.name.matches('{CLAIM_NAME_PATTERN}') && "
        "self.resourceClaims.exists_one(other, other.name == c.name))",
        message="spec.gpu.resourceClaims names must be lower-case labels, each once; rename the claim",
        field_path=".resourceClaims",
    ),
    Rule(
        name="gpu-is-not-a-plain-resource",
        at="spec.inference.resources",
        cel="(!has(self.limits) || !self.limits.exists(k, k.contains('/'))) && "
        "(!has(self.requests) || !self.requests.exists(k, k.contains('/')))",
        message="spec.inference.resources must not name GPUs or other extended resources; set spec.device: "
        "CUDA and spec.gpu instead",
    ),
)

DRIFT_RULES = (
    Rule(
        name="ignored-paths-are-pointers",
        at="spec.driftDetection",
        cel="!has(self.ignore) || self.ignore.all(r, r.paths.all(p, p == '' || p.startsWith('/')))",
        message="spec.driftDetection.ignore paths must be JSON pointers, which begin with '/'; write "
        "/spec/replicas, or an empty path for the whole object",
        field_path=".ignore",
    ),
)
