"""Weaviate's data is backed up to one place, and a new resource may begin with such a backup."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

from cronsim import CronSim, CronSimError
from pydantic import AfterValidator, Field

from bind_operator.api.base import ApiModel, Quantity, Text
from bind_operator.api.external import SecretKey
from bind_operator.api.retention import Retention

LATEST = "latest"
Collection = Annotated[str, Field(max_length=255)]
PathInPlace = Annotated[str, Field(max_length=512)]


def _checked(schedule: str) -> str:
    try:
        next(CronSim(schedule, datetime(2026, 1, 1, tzinfo=UTC)))
    except (CronSimError, StopIteration) as error:
        why = str(error) or "it never comes"
        raise ValueError(
            f"must be the five fields of cron, in UTC ({why}); write it as 0 3 * * * for 3:00 each day"
        ) from error
    return schedule


Schedule = Annotated[str, Field(max_length=100), AfterValidator(_checked)]
"""It is a cron expression. The API server holds it to a pattern, and the operator to its meaning."""


class CompressionLevel(StrEnum):
    """The level says how Weaviate packs a backup, in its own words."""

    DEFAULT = "DefaultCompression"
    BEST_SPEED = "BestSpeed"
    BEST = "BestCompression"
    ZSTD = "ZstdDefaultCompression"
    ZSTD_BEST_SPEED = "ZstdBestSpeed"
    ZSTD_BEST = "ZstdBestCompression"
    NONE = "NoCompression"


class FilesystemBackend(ApiModel):
    """A volume in the Weaviate pod, of which there is one."""

    claim_name: Text | None = Field(
        None,
        description="PersistentVolumeClaim in the resource's namespace that holds the backups. Unset: one is "
        "made, and nothing deletes it, whatever `deletionPolicy` says.",
    )
    size: Quantity = Field("32Gi", description="Size of the volume that is made.")
    storage_class_name: Text | None = Field(
        None, description="StorageClass of the volume that is made. Unset: the cluster's default."
    )


class S3Backend(ApiModel):
    """A bucket of S3, or of a server that speaks it."""

    bucket: Text = Field(description="Name of the bucket. It has to be there.")
    path: PathInPlace = Field("", description="Where backups lie in the bucket. Empty: at its root.")
    endpoint: Text | None = Field(
        None, description="Host and port of the server, without a scheme. Unset: Amazon's."
    )
    region: Text | None = Field(None, description="Region of the bucket. Unset: none is told.")
    use_ssl: bool = Field(True, description="Whether the server is asked by https.")
    credentials_secret: Text | None = Field(
        None,
        description="Secret in the resource's namespace with the entries AWS_ACCESS_KEY_ID and "
        "AWS_SECRET_ACCESS_KEY. Only Weaviate's pods read it. Unset: the identity of the pods.",
    )


class GcsBackend(ApiModel):
    """A bucket of Google Cloud Storage."""

    bucket: Text = Field(description="Name of the bucket. It has to be there.")
    path: PathInPlace = Field("", description="Where backups lie in the bucket. Empty: at its root.")
    project: Text | None = Field(None, description="Google's project. Unset: that of the credentials.")
    credentials: SecretKey | None = Field(
        None,
        description="The key file of a service account, which Weaviate's pods mount. Unset: the identity of "
        "the pods.",
    )


class AzureBackend(ApiModel):
    """A container of Azure Blob Storage."""

    container: Text = Field(description="Name of the container. It has to be there.")
    path: PathInPlace = Field("", description="Where backups lie in the container. Empty: at its root.")
    account: Text | None = Field(
        None, description="The storage account. Unset: the connection string in the Secret names it."
    )
    credentials_secret: Text = Field(
        description="Secret in the resource's namespace with the entry AZURE_STORAGE_KEY where `account` is "
        "set, else AZURE_STORAGE_CONNECTION_STRING. Only Weaviate's pods read it. Weaviate knows no other "
        "identity on Azure.",
    )


class Backup(ApiModel):
    """Weaviate's data is backed up to one of filesystem, s3, gcs and azure."""

    filesystem: FilesystemBackend | None = Field(None, description="A volume, for one Weaviate pod.")
    s3: S3Backend | None = Field(None, description="S3, or a server that speaks it.")
    gcs: GcsBackend | None = Field(None, description="Google Cloud Storage.")
    azure: AzureBackend | None = Field(None, description="Azure Blob Storage.")
    schedule: Schedule | None = Field(
        None,
        description="When a backup is made: minute, hour, day of the month, month, day of the week, as cron "
        "has them, in UTC. Unset: only when an annotation asks for one.",
    )
    suspend: bool = Field(
        False, description="True keeps new backups from being begun; one that runs goes to its end."
    )
    include: list[Collection] = Field(
        default_factory=list, max_length=100, description="Only these collections. Empty: all."
    )
    exclude: list[Collection] = Field(
        default_factory=list, max_length=100, description="Not these collections. Only without `include`."
    )
    retention: Retention | None = Field(
        None, description="Which backups of this resource are removed. Unset: none ever is."
    )
    compression_level: CompressionLevel = Field(
        CompressionLevel.DEFAULT, description="How Weaviate packs the backup."
    )
    cpu_percentage: int = Field(
        50, ge=1, le=80, description="Percentage of each Weaviate pod's CPUs that a backup may take."
    )

    @property
    def backend(self) -> str:
        """Weaviate's name of the place, in the addresses of its API."""
        return next(name for name in ("filesystem", "s3", "gcs", "azure") if getattr(self, name))


class RestoreFrom(ApiModel):
    """A backup in the place that `backup` names, of this resource or of another."""

    id: Text = Field(
        LATEST,
        description="The id of the backup, as `status.backup` and Weaviate tell it. `latest`: the youngest "
        "good one of the resource that `name` and `namespace` name.",
    )
    name: Text | None = Field(
        None, description="Name of the resource that was backed up. Unset: this resource's."
    )
    namespace: Text | None = Field(None, description="Its namespace. Unset: this resource's.")
