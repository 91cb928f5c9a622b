"""The operator remembers of backups and of a restore what the next operator goes on from."""

from typing import Literal

from pydantic import Field

from bind_operator.api.base import ApiModel
from bind_operator.api.identity import BACKUP_ANNOTATION
from bind_operator.api.retention import RetentionStatus


class _Remembered(ApiModel):
    """It is read again, and takes that of a newer operator too."""

    model_config = ApiModel.model_config | {"extra": "ignore"}


def _time(description: str) -> str:
    time: str = Field(description=f"{description} (RFC 3339).", json_schema_extra={"format": "date-time"})
    return time


def _maybe_time(description: str) -> str | None:
    time: str | None = Field(
        None, description=f"{description} (RFC 3339).", json_schema_extra={"format": "date-time"}
    )
    return time


class RunningBackup(_Remembered):
    """A backup that Weaviate is making."""

    id: str = Field(description="Its id in Weaviate.")
    started_time: str = _time("When the operator began it, or found it")
    objects: dict[str, int] | None = Field(None, description="Objects by collection, right before it.")


class GoodBackup(_Remembered):
    """The last good backup."""

    id: str = Field(description="Its id in Weaviate.")
    time: str = _time("When it was finished")
    duration_seconds: int | None = Field(None, description="How long it took.")
    size_bytes: int | None = Field(
        None, description="Size of the data before it was packed. Weaviate tells it since 1.36."
    )
    objects: dict[str, int] | None = Field(
        None,
        description="Objects by collection, and by active tenant (COLLECTION/TENANT), where they were the "
        "same before and after it. A restore is held to them.",
    )


class FailedBackup(_Remembered):
    """The last backup that failed."""

    id: str = Field(description="Its id in Weaviate.")
    time: str = _time("When that was seen")
    message: str = Field(description="Why, in Weaviate's words where it has some.")


class BackupStatus(_Remembered):
    """Backups of the resource."""

    schedule: str | None = Field(None, description="The schedule that `since` belongs to.")
    since: str | None = _maybe_time("When the schedule was first seen; nothing is made up for before")
    next_time: str | None = _maybe_time("When the next backup is due. Unset: no schedule, or suspended")
    running: RunningBackup | None = Field(None, description="The backup that runs.")
    last_success: GoodBackup | None = Field(None, description="The last good backup.")
    last_failure: FailedBackup | None = Field(
        None, description="The last backup that failed, also if a good one came after it."
    )
    last_scheduled_time: str | None = _maybe_time("The last time of the schedule that was followed")
    last_handled_request: str | None = Field(
        None, description=f"The value of the annotation {BACKUP_ANNOTATION} that was followed last."
    )
    waiting: str | None = Field(None, description="Why a backup that is due has not begun yet.")
    retention: RetentionStatus | None = Field(
        None, description="The removal of old backups. Unset: nothing is removed, or nothing has run yet."
    )


RestorePhase = Literal["Waiting", "Starting", "Restoring", "Checking", "Restored", "Failed", "Refused"]


class RestoreStatus(_Remembered):
    """The restore that a new resource begins with. It is done once."""

    source: str = Field(description="What `spec.weaviate.restoreFrom` asked for.")
    id: str | None = Field(None, description="Id of the backup.")
    phase: RestorePhase = Field(
        description="Waiting, Starting, Restoring, Checking, and then Restored or Failed. Refused: nothing "
        "was begun, and it is asked again each minute."
    )
    started_time: str | None = _maybe_time("When it was begun")
    completed_time: str | None = _maybe_time("When it ended")
    message: str = Field("", description="What was found, or what to do.")
    objects: dict[str, int] | None = Field(
        None, description="Restored objects by collection, and by active tenant (COLLECTION/TENANT)."
    )
