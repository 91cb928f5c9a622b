"""These rules are about where an image comes from."""

from bind_operator.api.rules.rule import Rule, pattern_rule

REGISTRY_PATTERN = r"^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]{1,5})?$"
REPOSITORY_PATTERN = r"^[a-z0-9]+([._-]+[a-z0-9]+)*(/[a-z0-9]+([._-]+[a-z0-9]+)*)*$"
TAG_PATTERN = r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$"
DIGEST_PATTERN = r"^sha256:[a-f0-9]{64}$"


def image_rules(section: str, *, with_tag: bool) -> tuple[Rule, ...]:
    """Return the rules of the image under `spec.<section>.image`."""
    parts = [
        ("registry", REGISTRY_PATTERN, "be a host with an optional port; no scheme and no path in it"),
        ("repository", REPOSITORY_PATTERN, "be a lower-case path; no registry, tag or digest in it"),
    ]
    if with_tag:
        parts += [
            ("tag", TAG_PATTERN, "be a tag as 0.1.0; a digest goes into the digest field"),
            ("digest", DIGEST_PATTERN, "be sha256: and 64 hex digits; a tag goes into the tag field"),
        ]
    return tuple(
        pattern_rule(f"{section}-image-{part}", f"spec.{section}.image", part, pattern, must)
        for part, pattern, must in parts
    )
