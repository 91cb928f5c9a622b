"""The copies of a resource's data: what is known of its backups, and of the one that it began with."""

from dataclasses import dataclass

from bind_operator.api.backup_status import BackupStatus, RestoreStatus
from bind_operator.api.status import ConditionType
from bind_operator.reasons import Reason


@dataclass(frozen=True)
class Finding:
    """It is what the condition BackedUp or Restored says. `status` None is Unknown."""

    status: bool | None
    reason: Reason
    message: str


@dataclass(frozen=True)
class Copies:
    """They are found by a look; None where the spec asks for none."""

    backup: BackupStatus | None = None
    backed_up: Finding | None = None
    restore: RestoreStatus | None = None
    restored: Finding | None = None

    @property
    def findings(self) -> dict[ConditionType, Finding]:
        """Return what is found, by the condition that tells it."""
        found = {ConditionType.BACKED_UP: self.backed_up, ConditionType.RESTORED: self.restored}
        return {type_: one for type_, one in found.items() if one is not None}

    @property
    def refusal(self) -> Finding | None:
        """Return why the resource cannot begin with the backup that it asks for; None where it can."""
        is_refused = self.restored is not None and self.restored.reason is Reason.RESTORE_REFUSED
        return self.restored if is_refused else None


NO_COPIES = Copies()
