"""Old backups are removed: the spec says which, and the status what came of it."""

from typing import Annotated

from pydantic import Field

from bind_operator.api.base import ApiModel

Period = Annotated[str, Field(max_length=8)]


class Retention(ApiModel):
    """A good backup is kept while one of these rules keeps it. The youngest good one always is."""

    keep_last: int | None = Field(None, ge=1, le=10000, description="So many good backups are kept.")
    keep_for: Period | None = Field(
        None, description="Good backups are kept so long: hours, days or weeks, as 36h, 30d or 4w."
    )


class RetentionStatus(ApiModel):
    """It tells what came of the last run of the program that removes old backups."""

    model_config = ApiModel.model_config | {"extra": "ignore"}

    last_run_time: str = Field(
        description="When it ended, or could not begin (RFC 3339).", json_schema_extra={"format": "date-time"}
    )
    kept: int | None = Field(None, description="Good backups that are in the place.")
    oldest: str | None = Field(
        None,
        description="When the oldest of them was finished (RFC 3339).",
        json_schema_extra={"format": "date-time"},
    )
    last_removed: list[str] = Field(
        default_factory=list, description="Ids of those that were removed last, ten at most."
    )
    last_removed_time: str | None = Field(
        None, description="When that was (RFC 3339).", json_schema_extra={"format": "date-time"}
    )
    failure: str | None = Field(
        None, description="Why the last run failed, and what to do. Unset: it did not."
    )
