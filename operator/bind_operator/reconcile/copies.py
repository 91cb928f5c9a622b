"""Backups and the restore of a resource are looked at together: what is not restored is not backed up."""

import math
from dataclasses import dataclass

from bind_operator.cluster.kube import Kube
from bind_operator.policy.copies import Copies
from bind_operator.policy.facts import Key
from bind_operator.reconcile.backups import BackupFound, Backups, Steps
from bind_operator.reconcile.look import Look
from bind_operator.reconcile.restores import RestoreFound, Restores


@dataclass(frozen=True)
class CopiesFound:
    """It is what one look finds of the copies of a resource's data."""

    backup: BackupFound | None
    restore: RestoreFound | None

    @property
    def told(self) -> Copies:
        """Return what the status says of them."""
        backup, restore = self.backup, self.restore
        return Copies(
            backup=backup.status if backup else None,
            backed_up=backup.verdict if backup else None,
            restore=restore.status if restore else None,
            restored=restore.verdict if restore else None,
        )

    @property
    def wait_s(self) -> float:
        """Return in how many seconds the resource should be looked at again."""
        return min((one.wait_s for one in (self.backup, self.restore) if one), default=math.inf)


@dataclass
class CopyKeeper:
    """It makes backups and restores one."""

    steps: Steps
    backups: Backups
    restores: Restores

    @classmethod
    def of(cls, kube: Kube, steps: Steps) -> "CopyKeeper":
        """Return one that asks by `steps`."""
        return cls(steps, Backups(kube, steps), Restores(kube, steps))

    def look(self, look: Look) -> CopiesFound:
        """Return what is found, and go on with it."""
        restore = self.restores.look(look)
        is_held = restore is not None and restore.holds_backups
        return CopiesFound(self.backups.look(look, is_held=is_held), restore)

    async def tell(self, look: Look, found: CopiesFound) -> None:
        """Record events of what is new."""
        await self.restores.tell(look, found.restore)
        await self.backups.tell(look, found.backup)

    def forget(self, key: Key) -> None:
        """Forget a resource that is gone, and end what is asked about it."""
        self.steps.forget(key)
        self.backups.forget(key)
        self.restores.forget(key)

    async def close(self) -> None:
        """End all that is under way."""
        await self.steps.close()
