"""The model that the inference server runs, where its weights come from, and the volume that keeps them."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from bind_operator.api.base import PROFILED, ApiModel, Quantity, Text
from bind_operator.api.parts import PullPolicy


class ModelName(StrEnum):
    """The name tells which model answers."""

    IMAGEBIND_HUGE = "ImageBindHuge"
    TINY = "Tiny"


DIMENSIONS = {ModelName.IMAGEBIND_HUGE: 1024, ModelName.TINY: 32}
"""A model's vectors have so many numbers; bind_inference says the same, and a test compares the two."""


class Precision(StrEnum):
    """The numbers that the model computes with."""

    AUTO = "auto"
    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"
    FLOAT16 = "float16"
    INT8 = "int8"


class CacheAccessMode(StrEnum):
    """The mode says how many nodes can mount the cache at once."""

    READ_WRITE_ONCE = "ReadWriteOnce"
    READ_WRITE_MANY = "ReadWriteMany"


class CacheScope(StrEnum):
    """The scope says which pods share a cache."""

    AUTO = "Auto"
    SHARED = "Shared"
    PER_POD = "PerPod"


InnerPath = Annotated[str, Field(max_length=1024)]
"""It is a path in a volume, relative to its root."""


class ExistingClaim(ApiModel):
    """A volume claim that holds the weights. It is mounted read-only."""

    name: Text = Field(description="Name of a PersistentVolumeClaim in the resource's namespace.")
    path: InnerPath = Field("", description="File or folder in the volume. Empty: its root.")


class WeightsImage(ApiModel):
    """An OCI image that holds the weights. It is mounted as an image volume, read-only by nature."""

    reference: Annotated[str, Field(max_length=512)] = Field(
        description="Registry, repository and tag or digest. Pulled with `inference.image.pullSecrets`."
    )
    pull_policy: PullPolicy = Field(PullPolicy.IF_NOT_PRESENT, description="When the image is pulled.")
    path: InnerPath = Field("", description="File or folder in the image. Empty: its root.")


class Weights(ApiModel):
    """The weights come from one of url, existingClaim and image. Unset: the published checkpoint."""

    url: Annotated[str, Field(max_length=2048)] | None = Field(
        None, description="HTTP(S) address of the checkpoint. Needs sha256."
    )
    sha256: Text | None = Field(
        None,
        description="SHA-256 of the checkpoint, 64 hex digits; one that differs is refused. Of a converted "
        "file it is the sum of the checkpoint that it was made from. Unset: the published checkpoint's.",
    )
    existing_claim: ExistingClaim | None = Field(
        None,
        description="Volume claim that holds the checkpoint, or the file that `python -m bind_inference "
        "convert` makes of it. It is mounted read-only.",
    )
    image: WeightsImage | None = Field(
        None,
        description="OCI image that holds the same, mounted as an image volume. Needs Kubernetes 1.35 (or "
        "1.31 with the feature gate ImageVolume) and containerd 2.1 or CRI-O 1.31.",
    )


class ModelCache(ApiModel):
    """The volume that keeps the downloaded and converted weights. Tiny needs none."""

    persistence: bool | None = Field(
        None,
        description="Whether there is such a volume. Unset: only where the weights are downloaded, since a "
        "converted file in a claim or an image is used where it lies. A checkpoint in one is converted at "
        "each start of a pod, unless this is true.",
    )
    size: Quantity = Field(
        "10Gi", description="Size of the volume. It can grow, where its class allows it; not shrink."
    )
    storage_class_name: Text | None = Field(
        None,
        description="StorageClass of the volume. Unset: the cluster's default. A volume that is there keeps "
        "its own.",
    )
    access_mode: CacheAccessMode = Field(
        CacheAccessMode.READ_WRITE_ONCE,
        description="ReadWriteOnce: one node mounts the volume. ReadWriteMany: all do, where the class can. "
        "Another mode is another volume.",
    )
    scope: CacheScope = Field(
        CacheScope.AUTO,
        description="Shared: all pods have one volume; with ReadWriteOnce they run on one node. PerPod: each "
        "has its own, which ends with it, so that each new pod downloads. Auto: PerPod for several pods with "
        "ReadWriteOnce, else Shared.",
    )


class Model(ApiModel):
    """The model."""

    name: ModelName = Field(
        ModelName.IMAGEBIND_HUGE,
        description=f"ImageBindHuge ({DIMENSIONS[ModelName.IMAGEBIND_HUGE]:,} dimensions), or Tiny: the same "
        f"architecture with seeded random weights and {DIMENSIONS[ModelName.TINY]} dimensions, for trying "
        "the whole system in seconds. Tiny's results mean nothing.",
    )
    license_accepted: bool = Field(
        False,
        description="True accepts the licence of the ImageBind weights, CC BY-NC-SA 4.0 (no commercial use). "
        "ImageBindHuge needs it.",
    )
    precision: Precision = Field(
        Precision.AUTO,
        json_schema_extra={PROFILED: True},
        description="What the model computes with: float32, bfloat16, float16 (device CUDA), int8 (device "
        "CPU), or auto: the server chooses by its device. A lower one is faster and takes less memory: on a "
        "CPU about 5 GiB are resident with float32, 2.8 GiB with bfloat16, 1.8 GiB with int8.",
    )
    weights: Weights = Field(default_factory=Weights, description="Where the weights come from.")
    cache: ModelCache = Field(default_factory=ModelCache, description="The volume that keeps the weights.")

    @property
    def keeps_cache(self) -> bool:
        """The cache is a volume of its own."""
        if self.name is ModelName.TINY:
            return False
        mounted = self.weights.existing_claim or self.weights.image
        return not mounted if self.cache.persistence is None else self.cache.persistence
