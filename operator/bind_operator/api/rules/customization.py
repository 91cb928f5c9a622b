"""These rules keep labels, annotations and volumes of the user's out of the place of the chart's own.

The chart refuses the same for who installs it without the operator; a test compares the two.
"""

from bind_operator.api.rules.rule import UNHELD_PATTERN, Rule, cel_list

KEY_PATTERN = r"^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$"
LABEL_PATTERN = r"^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$"
VOLUME_PATTERN = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
MOUNT_PATTERN = r"^/[^:]*[^:/]/?$"

RESERVED_LABELS = (
    "app.kubernetes.io/name",
    "app.kubernetes.io/instance",
    "app.kubernetes.io/component",
    "app.kubernetes.io/version",
    "app.kubernetes.io/managed-by",
)
RESERVED_DOMAINS = ("helm.sh/", "meta.helm.sh/", "bindvectorizer.dev/")
GATE_CHECKSUM = "checksum/gate"

VOLUMES = {
    "inference": ("tmp", "cache", "api-keys", "weights"),
    "weaviate": (
        "tmp",
        "gate-config",
        "gate-tmp",
        "gate-key",
        "inference-ca",
        "backups",
        "backup-gcs",
        "weaviate-data",
    ),
}
MOUNTS = {
    "inference": ("/tmp", "/cache", "/etc/api-keys", "/weights"),  # noqa: S108  (in the container)
    "weaviate": ("/tmp", "/var/lib/weaviate", "/etc/backup-gcs"),  # noqa: S108
}
"""The chart's own volumes and where it mounts them, by the section of the spec."""

_FREE_OF_DOMAINS = " && ".join(f"!k.startsWith('{domain}')" for domain in RESERVED_DOMAINS)


def _keys_rule(name: str, at: str) -> Rule:
    return Rule(
        name=f"{name}-keys",
        at=at,
        cel=f"self.all(k, k.matches('{KEY_PATTERN}'))",
        message=f"{at} keys must be a name of letters, digits, '-', '_' and '.', at most 63, perhaps after a "
        "domain and '/'; write it as example.com/team",
    )


def _annotation_rules(name: str, at: str) -> tuple[Rule, ...]:
    return (
        _keys_rule(name, at),
        Rule(
            name=f"{name}-are-free",
            at=at,
            cel=f"self.all(k, k != '{GATE_CHECKSUM}' && {_FREE_OF_DOMAINS})",
            message=f"{at} must not have {GATE_CHECKSUM} or keys of {', '.join(RESERVED_DOMAINS)}, which "
            "Helm, the chart or the operator sets; remove them",
        ),
        Rule(
            name=f"{name}-texts",
            at=at,
            cel=f"self.all(k, !self[k].matches('{UNHELD_PATTERN}'))",
            message=f"{at} values must not hold the characters U+007F to U+009F, U+FFFE and U+FFFF, which "
            "Kubernetes' server-side apply cannot carry; write it in other characters",
        ),
    )


def _pod_rules(section: str) -> tuple[Rule, ...]:
    at, volumes, mounts = f"spec.{section}", VOLUMES[section], MOUNTS[section]
    taken = "|".join(mounts)
    return (
        *_annotation_rules(f"{section}-pod-annotations", f"{at}.podAnnotations"),
        Rule(
            name=f"{section}-volume-names",
            at=f"{at}.extraVolumes",
            cel=f"self.all(v, v.name.matches('{VOLUME_PATTERN}') && "
            "self.exists_one(other, other.name == v.name))",
            message=f"{at}.extraVolumes names must be lower-case labels, each once; rename the volume",
        ),
        Rule(
            name=f"{section}-volumes-are-free",
            at=f"{at}.extraVolumes",
            cel=f"self.all(v, !(v.name in {cel_list(volumes)}))",
            message=f"{at}.extraVolumes must not be named {', '.join(volumes)}, which are volumes of the "
            "chart's; rename the volume",
        ),
        Rule(
            name=f"{section}-mounts-have-a-volume",
            at=at,
            cel="!has(self.extraVolumeMounts) || self.extraVolumeMounts.all(m, has(self.extraVolumes) && "
            "self.extraVolumes.exists(v, v.name == m.name))",
            message=f"{at}.extraVolumeMounts must name volumes of {at}.extraVolumes; add the volume",
            field_path=".extraVolumeMounts",
        ),
        Rule(
            name=f"{section}-mount-paths",
            at=f"{at}.extraVolumeMounts",
            cel=f"self.all(m, m.mountPath.matches('{MOUNT_PATTERN}'))",
            message=f"{at}.extraVolumeMounts paths must begin with '/', be more than that, and hold no ':'; "
            "write a whole path",
        ),
        Rule(
            name=f"{section}-mounts-are-free",
            at=f"{at}.extraVolumeMounts",
            cel=f"self.all(m, !m.mountPath.matches('^({taken})/?$'))",
            message=f"{at}.extraVolumeMounts must not be at {', '.join(mounts)}, where the chart mounts its "
            "own volumes; choose another path",
        ),
    )


CUSTOMIZATION_RULES = (
    _keys_rule("common-labels", "spec.commonLabels"),
    Rule(
        name="common-labels-are-free",
        at="spec.commonLabels",
        cel=f"self.all(k, !(k in {cel_list(RESERVED_LABELS)}) && {_FREE_OF_DOMAINS})",
        message=f"spec.commonLabels must not have {', '.join(RESERVED_LABELS)} or keys of "
        f"{', '.join(RESERVED_DOMAINS)}, by which objects are found; remove them",
    ),
    Rule(
        name="common-labels-values",
        at="spec.commonLabels",
        cel=f"self.all(k, self[k].matches('{LABEL_PATTERN}'))",
        message="spec.commonLabels values must be of letters, digits, '-', '_' and '.', beginning and ending "
        "with a letter or digit; choose such a value",
    ),
    *_annotation_rules("common-annotations", "spec.commonAnnotations"),
    *_pod_rules("inference"),
    *_pod_rules("weaviate"),
)
