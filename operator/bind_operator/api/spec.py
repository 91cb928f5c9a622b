"""The spec of a BindVectorizer needs only the accepted licence; all else has a sound default."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from bind_operator.api.authentication import Authentication, InferenceKeys, Mcp
from bind_operator.api.autoscaling import Autoscaling
from bind_operator.api.backup import Backup, RestoreFrom
from bind_operator.api.base import PROFILED, ApiModel, Quantity, Text
from bind_operator.api.customization import PodCustomization
from bind_operator.api.delivery import Handover
from bind_operator.api.drift import DriftDetection
from bind_operator.api.exposure import Exposure
from bind_operator.api.external import ExternalInference, ExternalWeaviate
from bind_operator.api.hardware import Batching, Gpu
from bind_operator.api.model import CacheAccessMode, CacheScope, Model
from bind_operator.api.modules import MAX_MODULES, Module
from bind_operator.api.network import Network
from bind_operator.api.network_policy import NetworkPolicies
from bind_operator.api.parts import (
    EnvVar,
    InferenceImage,
    InferenceResources,
    Scheduling,
    WeaviateImage,
    WeaviateResources,
    WeaviateService,
)
from bind_operator.api.placement import PodUser
from bind_operator.api.status import BindVectorizerStatus

MAX_REPLICAS = 64


class Device(StrEnum):
    """The device decides what the model runs on."""

    CPU = "CPU"
    CUDA = "CUDA"


class DeletionPolicy(StrEnum):
    """The policy says what happens to the volumes when the resource is deleted."""

    RETAIN = "Retain"
    DELETE = "Delete"


class TakeoverPolicy(StrEnum):
    """The policy says what happens when somebody else upgrades the release."""

    TAKE_BACK = "TakeBack"
    STAND_BACK = "StandBack"


class RolloutStrategy(StrEnum):
    """The strategy says how inference pods are replaced."""

    AUTO = "Auto"
    SURGE = "Surge"
    ONE_DOWN = "OneDown"
    RECREATE = "Recreate"


class Rollout(ApiModel):
    """Rollouts of the inference pods."""

    strategy: RolloutStrategy = Field(
        RolloutStrategy.AUTO,
        description="Surge: a new pod is ready before an old one ends, which needs room for one more (a "
        "GPU, with device CUDA). OneDown: one at a time ends before its successor starts. Recreate: all end "
        "first. "
        "Auto: Recreate for one pod whose cache one node mounts; OneDown with a GPU, a claim of weights or a "
        "required anti-affinity; else Surge.",
    )
    progress_deadline_seconds: int | None = Field(
        None,
        ge=1,
        le=86400,
        description="Seconds without progress after which a rollout counts as standing still. Unset: 31 "
        "minutes, a minute longer than a first start may take to download the weights.",
    )


class Inference(Scheduling, PodCustomization):
    """The inference server: one Deployment of ImageBind servers behind the gate.

    A profile's node selector and tolerations are added to those here.
    """

    image: InferenceImage = Field(default_factory=InferenceImage, description="The image of the server.")
    replicas: int = Field(
        1,
        ge=0,
        le=MAX_REPLICAS,
        json_schema_extra={PROFILED: True},
        description="Number of inference pods. With 0, Weaviate serves keyword and by-vector search only.",
    )
    autoscaling: Autoscaling | None = Field(
        None, description="Let the load choose the number of pods, in place of `replicas`."
    )
    resources: InferenceResources = Field(
        default_factory=InferenceResources, description="Compute resources of each inference pod."
    )
    batching: Batching = Field(default_factory=Batching, description="What the server computes at once.")
    rollout: Rollout = Field(default_factory=Rollout, description="How the pods are replaced.")
    model: Model = Field(default_factory=Model, description="The model that the server runs.")
    extra_env: list[EnvVar] = Field(
        default_factory=list, max_length=64, description="More environment variables of the server."
    )
    api_keys: InferenceKeys | None = Field(
        None, description="The key between gate and server. Unset: the server answers whoever reaches it."
    )
    external: ExternalInference | None = Field(
        None,
        description="An inference server that is there already: then none is deployed, and no other field of "
        "`inference` is used.",
    )

    @property
    def most_replicas(self) -> int:
        """Return how many pods there may be."""
        return self.autoscaling.max_replicas if self.autoscaling else self.replicas

    @property
    def shares_cache(self) -> bool:
        """All pods have one cache, as the chart's `weaviate-bind.cacheScope` says too."""
        cache = self.model.cache
        is_one_volume = self.most_replicas <= 1 or cache.access_mode is CacheAccessMode.READ_WRITE_MANY
        is_shared = is_one_volume if cache.scope is CacheScope.AUTO else cache.scope is CacheScope.SHARED
        return self.model.keeps_cache and is_shared


class Storage(ApiModel):
    """The volume of each Weaviate pod."""

    size: Quantity = Field(
        "32Gi", description="Size of each volume. It can grow, where its class allows it; not shrink."
    )
    storage_class_name: Text | None = Field(
        None,
        description="StorageClass of the volumes. Unset: the cluster's default. Volumes that are there keep "
        "theirs.",
    )


class Weaviate(Scheduling, PodCustomization):
    """The vector database, which the operator runs unless `external` names another."""

    version: Text = Field("1.38.14", description="Version of Weaviate, which is the tag of its image.")
    image: WeaviateImage = Field(default_factory=WeaviateImage, description="The image of Weaviate.")
    replicas: int = Field(1, ge=1, le=MAX_REPLICAS, description="Number of Weaviate pods.")
    storage: Storage = Field(default_factory=Storage, description="The volume of each pod.")
    cluster_node_name: Text | None = Field(
        None,
        description="What Weaviate calls its nodes in their cluster, NAME-0 and so on. Unset: as their pods. "
        "Data knows its nodes by name: it needs the one it was made with, `weaviate` for upstream's chart.",
    )
    resources: WeaviateResources = Field(
        default_factory=WeaviateResources, description="Compute resources of each Weaviate pod."
    )
    env: dict[str, Annotated[str, Field(max_length=4096)]] = Field(
        default_factory=dict, max_length=64, description="More environment variables of Weaviate."
    )
    service: WeaviateService = Field(
        default_factory=WeaviateService, description="How Weaviate is reached, by HTTP and by gRPC."
    )
    backup: Backup | None = Field(None, description="Where its data is backed up to, and when.")
    restore_from: RestoreFrom | None = Field(
        None,
        description="The backup that Weaviate begins with, once, while it is empty. It lies in the place "
        "that `backup` names. What becomes of this field afterwards changes nothing.",
    )
    authentication: Authentication | None = Field(
        None,
        description="Who may ask Weaviate. Unset: whoever has a key of the Secret that the operator makes; a "
        "Weaviate that answered without keys before there was this field goes on to.",
    )
    modules: list[Module] = Field(
        default_factory=list,
        max_length=MAX_MODULES,
        description="More modules of Weaviate, which ask an API: generative-… answer a question from what "
        "was found (RAG), reranker-… put it in another order.",
    )
    mcp: Mcp | None = Field(None, description="Weaviate as a server of the Model Context Protocol.")
    expose: Exposure | None = Field(
        None, description="Host names by which clients outside of the cluster reach it. Unset: none."
    )
    external: ExternalWeaviate | None = Field(
        None,
        description="A Weaviate that is there already: then only the inference server and the gate are "
        "deployed, and no other field of `weaviate` is used.",
    )


class RollbackPolicy(StrEnum):
    """The policy says whether a rollout that stands still is rolled back."""

    LAST_VERIFIED = "LastVerified"
    NEVER = "Never"


class Remediation(ApiModel):
    """The operator does this about a rollout that stands still."""

    rollback: RollbackPolicy = Field(
        RollbackPolicy.LAST_VERIFIED,
        description="LastVerified: the release is rolled back, once for each change of the spec, to the last "
        "revision that the live check saw at work, if `spec.weaviate` is the same. Never: it stays.",
    )


class BindVectorizerSpec(Handover):
    """The spec says what the user wants."""

    profile: Annotated[str, Field(max_length=63)] | None = Field(
        None,
        description="Name of a hardware profile of the operator, which says device, GPU, nodes, resources, "
        "precision, batches and how many replicas there may be. What the resource itself sets counts more.",
    )
    device: Device = Field(
        Device.CPU,
        json_schema_extra={PROFILED: True},
        description="What the model runs on: CPU, or CUDA (an NVIDIA GPU).",
    )
    gpu: Gpu | None = Field(
        None,
        description="The GPU of each inference pod, only with `device: CUDA`. Unset: what the profile says, "
        "else one nvidia.com/gpu.",
    )
    inference: Inference = Field(default_factory=Inference, description="The inference server.")
    weaviate: Weaviate = Field(default_factory=Weaviate, description="The vector database.")
    network: Network | None = Field(None, description="The cluster's network, where it is an uncommon one.")
    pod_user: PodUser = Field(
        PodUser.FIXED,
        description="As whom the pods run: Fixed (65532), or Assigned: the cluster assigns users and groups, "
        "as OpenShift does.",
    )
    network_policy: NetworkPolicies | None = Field(
        None, description="Who may reach the pods. Unset: there are no network policies."
    )
    deletion_policy: DeletionPolicy = Field(
        DeletionPolicy.RETAIN,
        description="What happens to the volumes when the resource is deleted: Retain keeps them, "
        "Delete removes them.",
    )
    drift_detection: DriftDetection = Field(
        default_factory=DriftDetection,
        description="What happens when somebody changes objects of the release.",
    )
    takeover_policy: TakeoverPolicy = Field(
        TakeoverPolicy.TAKE_BACK,
        description="What happens when somebody else upgrades the Helm release: TakeBack upgrades it back, "
        "StandBack leaves it to them and says so in Ready.",
    )
    remediation: Remediation = Field(
        default_factory=Remediation, description="What is done about a rollout that stands still."
    )
    suspend: bool = Field(
        False, description="True stops the operator from changing anything of this resource but its deletion."
    )


class Metadata(ApiModel):
    """The part of the metadata that the operator reads."""

    model_config = ApiModel.model_config | {"extra": "ignore"}

    name: str = Field(description="Name of the resource, and of its Helm release.")
    namespace: str = Field("default", description="Namespace of the resource and of all that it makes.")


class BindVectorizer(ApiModel):
    """Multimodal search: Weaviate with multi2vec-bind, and ImageBind servers beside it."""

    api_version: Literal["bindvectorizer.dev/v1alpha1"]
    kind: Literal["BindVectorizer"]
    metadata: Metadata
    spec: BindVectorizerSpec = Field(description="What the user wants.")
    status: BindVectorizerStatus | None = Field(None, description="What the operator saw last.")
