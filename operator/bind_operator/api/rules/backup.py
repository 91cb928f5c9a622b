"""These rules are about backups, and about the one that a resource begins with."""

from bind_operator.api.rules.external import ENTRY_PATTERN
from bind_operator.api.rules.rule import OBJECT_NAME_PATTERN, Rule, pattern_rule

SCHEDULE_PATTERN = r"^[0-9A-Za-z*/,#-]+( [0-9A-Za-z*/,#-]+){4}$"
"""It tells five fields from anything else; what they mean, the operator reads."""
BACKUP_ID_PATTERN = "^[a-z0-9_-]+$"
"""It is Weaviate's own rule for the id of a backup."""
ENDPOINT_PATTERN = r"^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]{1,5})?$"
PERIOD_PATTERN = r"^[1-9][0-9]{0,4}[hdw]$"
KEY_PATH_PATTERN = r"^([A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*)?$"

AT = "spec.weaviate.backup"
PLACES = ("filesystem", "s3", "gcs", "azure")
_SECRETS = (("s3", "credentialsSecret"), ("azure", "credentialsSecret"), ("filesystem", "claimName"))

BACKUP_RULES = (
    Rule(
        name="backup-has-one-place",
        at=AT,
        cel=f"[{', '.join(f'has(self.{place})' for place in PLACES)}].filter(e, e).size() == 1",
        message=f"{AT} must have one of {', '.join(PLACES)}; set one of them, and remove the others",
    ),
    pattern_rule(
        "backup-schedule",
        AT,
        "schedule",
        SCHEDULE_PATTERN,
        "be the five fields of cron, in UTC; write it as 0 3 * * * for 3:00 each day",
    ),
    Rule(
        name="backup-retention-has-a-rule",
        at=f"{AT}.retention",
        cel="has(self.keepLast) || has(self.keepFor)",
        message=f"{AT}.retention keeps by number or by age; set keepLast, keepFor (such as 30d), or both",
    ),
    pattern_rule(
        "backup-retention-period",
        f"{AT}.retention",
        "keepFor",
        PERIOD_PATTERN,
        "be a number and h, d or w for hours, days or weeks; write it as 30d",
    ),
    Rule(
        name="backup-include-or-exclude",
        at=AT,
        cel="!has(self.include) || !has(self.exclude) || self.include.size() == 0 || "
        "self.exclude.size() == 0",
        message=f"{AT}.include and {AT}.exclude must not be set together; remove one of them",
        field_path=".exclude",
    ),
    Rule(
        name="backup-to-a-volume-is-of-one-pod",
        at="spec.weaviate",
        cel="!has(self.backup) || !has(self.backup.filesystem) || !has(self.replicas) || self.replicas == 1",
        message=f"{AT}.filesystem is for one Weaviate pod, and spec.weaviate.replicas is more; use s3, gcs "
        "or azure",
        field_path=".backup.filesystem",
    ),
    *(
        pattern_rule(
            f"backup-{place}-{field.lower()}",
            f"{AT}.{place}",
            field,
            OBJECT_NAME_PATTERN,
            "be the name of an object of this namespace; give one that `kubectl get secret,pvc` shows",
        )
        for place, field in _SECRETS
    ),
    pattern_rule(
        "backup-gcs-secret",
        f"{AT}.gcs.credentials",
        "name",
        OBJECT_NAME_PATTERN,
        "be the name of a Secret; give one that `kubectl get secret` shows",
    ),
    pattern_rule(
        "backup-gcs-entry",
        f"{AT}.gcs.credentials",
        "key",
        ENTRY_PATTERN,
        "be an entry of that Secret; give one that `kubectl describe secret` shows",
    ),
    pattern_rule(
        "backup-s3-endpoint",
        f"{AT}.s3",
        "endpoint",
        ENDPOINT_PATTERN,
        "be a host and perhaps a port, without a scheme; write it as minio.storage.svc:9000",
    ),
    *(
        pattern_rule(
            f"backup-{place}-path",
            f"{AT}.{place}",
            "path",
            KEY_PATH_PATTERN,
            "be names of letters, digits, '.', '_' and '-', with '/' between them; write it as search/prod",
        )
        for place in ("s3", "gcs", "azure")
    ),
    Rule(
        name="restore-needs-a-place",
        at="spec.weaviate",
        cel="!has(self.restoreFrom) || has(self.backup)",
        message=f"spec.weaviate.restoreFrom is read from the place that {AT} names; set it, perhaps without "
        "a schedule",
        field_path=".restoreFrom",
    ),
    pattern_rule(
        "restore-id",
        "spec.weaviate.restoreFrom",
        "id",
        BACKUP_ID_PATTERN,
        "be the id of a backup, of small letters, digits, '_' and '-', or latest",
    ),
)
