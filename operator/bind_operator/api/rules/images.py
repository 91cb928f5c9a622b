"""Of images."""

from collections.abc import Callable

from bind_operator.api.rules.rule import Rule, cel_pattern, matches
from bind_operator.api.spec import BindVectorizer

REGISTRY_PATTERN = r"^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]{1,5})?$"
REPOSITORY_PATTERN = r"^[a-z0-9]+([._-]+[a-z0-9]+)*(/[a-z0-9]+([._-]+[a-z0-9]+)*)*$"
TAG_PATTERN = r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$"
DIGEST_PATTERN = r"^sha256:[a-f0-9]{64}$"


def image_rules(section: str, *, with_tag: bool) -> tuple[Rule, ...]:
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
        return lambda bv: matches(pattern, getattr(getattr(bv.spec, section).image, part))

    return tuple(
        Rule(
            name=f"{section}-image-{part}",
            at=at,
            cel=cel_pattern(part, pattern),
            message=f"{at}.{part} must be {form}; {remedy}",
            field_path=f".{part}",
            holds=check(part, pattern),
        )
        for part, pattern, form, remedy in parts
    )
