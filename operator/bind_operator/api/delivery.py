"""A release is delivered by the operator, or rendered for somebody else; values may be laid over its own."""

from enum import StrEnum

from pydantic import Field

from bind_operator.api.base import ApiModel, RawObject, Text
from bind_operator.api.customization import ObjectCustomization

DEFAULT_KEY = "values.yaml"


class Delivery(StrEnum):
    """The delivery says who installs the release."""

    APPLY = "Apply"
    RENDER = "Render"


class RenderOutput(StrEnum):
    """The output says what is rendered."""

    VALUES = "Values"
    MANIFESTS = "Manifests"


class Render(ApiModel):
    """It says more of `delivery: Render`."""

    output: RenderOutput = Field(
        RenderOutput.VALUES,
        description="Manifests: the objects of the release too, as `helm template` prints them, in the "
        "ConfigMap `<name>-manifests`, for whoever installs without Helm.",
    )


class SourceKind(StrEnum):
    """The kind of object that holds values."""

    CONFIG_MAP = "ConfigMap"
    SECRET = "Secret"  # noqa: S105  (a kind)


class ValuesSource(ApiModel):
    """An object in the resource's namespace that holds values of the chart, as YAML."""

    kind: SourceKind = Field(
        description="ConfigMap, or Secret, which needs an operator that keeps Helm's records in Secrets "
        "(`helm.driver: Secret` of its chart) and `delivery: Apply`."
    )
    name: Text = Field(description="Name of the object.")
    key: Text = Field(DEFAULT_KEY, description="The key in it.")
    optional: bool = Field(
        False, description="True goes on without the values where object or key is missing."
    )


class Handover(ObjectCustomization):
    """It says how the release is delivered, and what is laid over the operator's values."""

    delivery: Delivery = Field(
        Delivery.APPLY,
        description="Apply: the operator installs and upgrades the release. Render: it writes the values of "
        "the chart into the ConfigMap `<name>-values` for Flux, Argo CD or Helm, and installs nothing.",
    )
    render: Render | None = Field(None, description="What `delivery: Render` writes. Unset: values alone.")
    values_from: list[ValuesSource] = Field(
        default_factory=list,
        max_length=16,
        description="Objects with values of the chart that have no field here, laid one over the other in "
        "this order: maps merge, all else is replaced. What the operator sets itself is refused.",
    )
    values: RawObject | None = Field(
        None, description="Values of the chart that have no field here, laid over those of `valuesFrom`."
    )
