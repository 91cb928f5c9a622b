"""Pods and objects of a release may bear more than the operator gives them: labels, annotations, volumes."""

from typing import Annotated

from pydantic import Field

from bind_operator.api.base import ApiModel

LabelValue = Annotated[str, Field(max_length=63)]
AnnotationValue = Annotated[str, Field(max_length=4096)]
ObjectName = Annotated[str, Field(max_length=63)]

_AS_IN_A_POD = ApiModel.model_config | {
    "extra": "allow",
    "json_schema_extra": {"x-kubernetes-preserve-unknown-fields": True},
}
"""What stands beside the named fields is Kubernetes' own; the API server checks it in the pod."""


class ExtraVolume(ApiModel):
    """A volume of the pods, as in a pod's own spec."""

    model_config = _AS_IN_A_POD

    name: ObjectName = Field(description="Name of the volume within the pod.")


class ExtraVolumeMount(ApiModel):
    """A mount of such a volume, as in a container's own spec."""

    model_config = _AS_IN_A_POD

    name: ObjectName = Field(description="Name of a volume of `extraVolumes`.")
    mount_path: Annotated[str, Field(max_length=512)] = Field(description="Where the container has it.")


class PodCustomization(ApiModel):
    """Pods of one side may have more than the operator gives them."""

    pod_annotations: dict[str, AnnotationValue] = Field(
        default_factory=dict, max_length=32, description="Annotations of the pods."
    )
    extra_volumes: list[ExtraVolume] = Field(
        default_factory=list,
        max_length=16,
        description="More volumes of the pods, as in a pod's own spec: each with its name and its source.",
    )
    extra_volume_mounts: list[ExtraVolumeMount] = Field(
        default_factory=list,
        max_length=16,
        description="Where the container has them, as in a container's own spec.",
    )


class ObjectCustomization(ApiModel):
    """All objects of a release may bear these."""

    common_labels: dict[str, LabelValue] = Field(
        default_factory=dict,
        max_length=32,
        description="Labels of every object of the release and of its pods, such as a team or a cost centre. "
        "Another value restarts the pods.",
    )
    common_annotations: dict[str, AnnotationValue] = Field(
        default_factory=dict,
        max_length=32,
        description="Annotations of every object of the release; pods have `podAnnotations`.",
    )
