"""More than one section of the spec uses these parts, or one alone: images, resources, scheduling."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from bind_operator.api.base import PROFILED, ApiModel, Quantity, RawObject, Text
from bind_operator.api.placement import ServiceAccount


class PullPolicy(StrEnum):
    """The policy says when the kubelet asks the registry for the image."""

    ALWAYS = "Always"
    IF_NOT_PRESENT = "IfNotPresent"
    NEVER = "Never"


class WeaviateImage(ApiModel):
    """The Weaviate image comes from here; its tag is `weaviate.version`."""

    registry: Text | None = Field(
        None, description="Host of the registry, without scheme or path. Unset: the operator's setting."
    )
    repository: Text | None = Field(
        None, description="Path of the image in the registry. Unset: the operator's setting."
    )
    pull_policy: PullPolicy = Field(PullPolicy.IF_NOT_PRESENT, description="When the image is pulled.")
    pull_secrets: list[Text] = Field(
        default_factory=list,
        max_length=16,
        description="Names of pull Secrets in the resource's namespace.",
    )


class InferenceImage(WeaviateImage):
    """The image of the inference server comes from here; a part unset is the operator's setting."""

    tag: Text | None = Field(
        None, description="Tag of the image. Unset: the operator's setting for the device."
    )
    digest: Text | None = Field(
        None, description="Digest, as sha256: and 64 hex digits. Wins over the tag where set."
    )


Requests = Annotated[
    dict[str, Quantity],
    Field(max_length=8, description="What the scheduler sets aside for the container."),
]
Limits = Annotated[
    dict[str, Quantity],
    Field(max_length=8, description="Where the container is throttled (cpu) or killed (memory)."),
]


class Resources(ApiModel):
    """Compute resources of one container."""

    requests: Requests = Field(default_factory=dict)
    limits: Limits = Field(default_factory=dict)


class InferenceResources(Resources):
    """Compute resources of the inference container. GPUs are asked for with `device` and `gpu`, not here."""

    requests: Requests = Field({"cpu": "1", "memory": "3Gi"}, json_schema_extra={PROFILED: True})
    limits: Limits = Field({"memory": "12Gi"}, json_schema_extra={PROFILED: True})


class WeaviateResources(Resources):
    """Compute resources of the Weaviate container."""

    requests: Requests = Field({"cpu": "250m", "memory": "512Mi"})
    limits: Limits = Field({"memory": "4Gi"})


class Toleration(ApiModel):
    """A taint that the pod accepts, as in a pod's own spec."""

    key: Text | None = Field(None, description="Key of the taint. Unset with operator Exists: every taint.")
    operator: Literal["Exists", "Equal"] | None = Field(None, description="How the value is compared.")
    value: Text | None = Field(None, description="Value of the taint, for Equal.")
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = Field(
        None, description="The effect that is accepted. Unset: all."
    )
    toleration_seconds: int | None = Field(
        None, description="How many seconds a NoExecute taint is tolerated. Unset: for ever."
    )


class KeySelector(ApiModel):
    """A key of a Secret or ConfigMap in the resource's namespace."""

    name: Text = Field(description="Name of the object.")
    key: Text = Field(description="The key in it.")
    optional: bool | None = Field(
        None, description="True starts the container without the variable where object or key is missing."
    )


class FieldSelector(ApiModel):
    """A field of the pod."""

    api_version: Text | None = Field(None, description="Version of the path's schema. Unset: v1.")
    field_path: Text = Field(description="Path of the field, such as status.podIP.")


class ResourceFieldSelector(ApiModel):
    """A request or limit of a container of the pod."""

    container_name: Text | None = Field(None, description="The container. Unset: this one.")
    resource: Text = Field(description="Which one, such as limits.memory.")
    divisor: Quantity | None = Field(None, description="The unit of the number. Unset: 1.")


class EnvVarSource(ApiModel):
    """The source of a variable's value, as in a pod's own spec."""

    secret_key_ref: KeySelector | None = Field(None, description="A key of a Secret.")
    config_map_key_ref: KeySelector | None = Field(None, description="A key of a ConfigMap.")
    field_ref: FieldSelector | None = Field(None, description="A field of the pod.")
    resource_field_ref: ResourceFieldSelector | None = Field(
        None, description="A request or limit of a container of the pod."
    )


class EnvVar(ApiModel):
    """One more environment variable of a container, as in a pod's own spec."""

    name: Text = Field(description="Name of the variable.")
    value: Annotated[str, Field(max_length=4096)] | None = Field(None, description="Its value.")
    value_from: EnvVarSource | None = Field(
        None, description="Where the value comes from, by one of these; not beside `value`."
    )


class Scheduling(ApiModel):
    """Scheduling says where pods may run; all as in a pod's own spec."""

    node_selector: dict[str, Text] = Field(
        default_factory=dict, max_length=32, description="Labels that the node must have."
    )
    tolerations: list[Toleration] = Field(
        default_factory=list, max_length=32, description="Taints of nodes that are accepted."
    )
    affinity: RawObject | None = Field(None, description="Affinity to nodes and to other pods.")
    topology_spread_constraints: list[RawObject] = Field(
        default_factory=list,
        max_length=16,
        description="How replicas are spread over zones and nodes. Empty: several are spread over both, as "
        "far as there are some.",
    )
    priority_class_name: Text | None = Field(None, description="PriorityClass of the pods.")
    service_account: ServiceAccount | None = Field(
        None, description="As whom the pods run. Unset: as the namespace's default account."
    )


class ServiceType(StrEnum):
    """It says who reaches Weaviate's Services."""

    CLUSTER_IP = "ClusterIP"
    NODE_PORT = "NodePort"
    LOAD_BALANCER = "LoadBalancer"


class WeaviateService(ApiModel):
    """Both of Weaviate's Services, HTTP and gRPC, are made so."""

    type: ServiceType = Field(
        ServiceType.CLUSTER_IP,
        description="ClusterIP: from within the cluster. NodePort and LoadBalancer: from outside, where "
        "anonymous access would be open to all who reach it.",
    )
    annotations: dict[str, Annotated[str, Field(max_length=4096)]] = Field(
        default_factory=dict, max_length=32, description="Annotations, such as a load balancer's settings."
    )
    load_balancer_source_ranges: list[Text] = Field(
        default_factory=list, max_length=32, description="Who may come in, as 10.0.0.0/8; for LoadBalancer."
    )
