"""The operator writes the status of a BindVectorizer as these models."""

from enum import StrEnum
from typing import Literal

from pydantic import Field

from bind_operator.api.base import ApiModel

MAX_HISTORY = 5


class ConditionType(StrEnum):
    """Ready, Reconciling and Stalled mean what kstatus means by them; the others explain them."""

    READY = "Ready"
    RECONCILING = "Reconciling"
    STALLED = "Stalled"
    RELEASED = "Released"
    INFERENCE_READY = "InferenceReady"
    WEAVIATE_READY = "WeaviateReady"
    VERIFIED = "Verified"
    DRIFTED = "Drifted"


class Condition(ApiModel):
    """One condition, as metav1.Condition."""

    type: str = Field(description="Which condition.")
    status: Literal["True", "False", "Unknown"] = Field(description="Whether it holds.")
    reason: str = Field(description="One PascalCase word for why.")
    message: str = Field(description="What a person should know or do.")
    observed_generation: int = Field(description="The generation of the spec that was judged.")
    last_transition_time: str = Field(
        description="When the status last changed (RFC 3339).", json_schema_extra={"format": "date-time"}
    )


class RevisionStatus(ApiModel):
    """One revision of the Helm release."""

    revision: int = Field(description="Number of the revision.")
    chart: str = Field(description="Name and version of its chart.")
    digest: str = Field(description="Digest of chart and values.")


class ReleaseStatus(RevisionStatus):
    """The Helm release, at its current revision."""

    name: str = Field(description="Name of the release.")


class HistoryEntry(RevisionStatus):
    """One revision of the release, and what became of it. Somebody else's has no chart and no digest here."""

    status: str = Field(description="Helm's word for it: deployed, superseded, failed ….")


class Endpoints(ApiModel):
    """Addresses within the cluster."""

    http: str = Field(description="Weaviate's REST and GraphQL address.")
    grpc: str = Field(description="Weaviate's gRPC address.")
    inference: str = Field(description="The inference server's address.")


class BindVectorizerStatus(ApiModel):
    """The status says what the operator saw last."""

    model_config = ApiModel.model_config | {"extra": "ignore"}

    observed_generation: int | None = Field(None, description="The generation of the spec that was judged.")
    conditions: list[Condition] = Field(
        default_factory=list,
        description=", ".join(ConditionType) + ".",
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]},
    )
    release: ReleaseStatus | None = Field(None, description="The Helm release.")
    endpoints: Endpoints | None = Field(None, description="Addresses within the cluster.")
    device: str | None = Field(None, description="What the model runs on.")
    replicas: str | None = Field(None, description="Ready and wanted inference pods, as 1/1.")
    model: str | None = Field(None, description="The model that the release runs.")
    history: list[HistoryEntry] = Field(
        default_factory=list, description="The latest revisions of the release, newest first."
    )

    @property
    def ready(self) -> Condition:
        """The condition Ready, which every status of the operator has."""
        return next(condition for condition in self.conditions if condition.type == ConditionType.READY)
