"""The operator writes the status of a BindVectorizer as these models."""

from enum import StrEnum
from typing import Literal

from pydantic import Field

from bind_operator.api.backup_status import BackupStatus, RestoreStatus
from bind_operator.api.base import ApiModel
from bind_operator.api.identity import RECONCILE_ANNOTATION

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
    CHANGES_ACCEPTED = "ChangesAccepted"
    VECTOR_SPACE_KEPT = "VectorSpaceKept"
    DRIFTED = "Drifted"
    BACKED_UP = "BackedUp"
    """Only where `spec.weaviate.backup` is set."""
    RESTORED = "Restored"
    """Only where `spec.weaviate.restoreFrom` is, or was, set."""


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
    generation: int | None = Field(None, description="The generation of the spec that it was made for.")
    cause: str | None = Field(
        None,
        description="Why it was made: Installed, SpecChanged, ChartChanged, SettingsChanged, ValuesChanged, "
        "Retried, ObjectsGone or TakenBack.",
    )


class LastVerified(ApiModel):
    """The release as the live check saw it at work last."""

    revision: int = Field(description="Number of the revision.")
    digest: str = Field(description="Digest of chart and values.")
    weaviate: str = Field(description="Digest of `spec.weaviate` that it had.")


class RemediationStatus(ApiModel):
    """A rollback of a rollout that stood still."""

    generation: int = Field(description="The generation of the spec whose rollout stood still.")
    from_revision: int = Field(description="The revision that was rolled back.")
    to_revision: int = Field(description="The revision that was brought back.")
    digest: str = Field(description="Digest of chart and values of what was brought back.")
    message: str = Field(description="Why the rollout stood still, in the cluster's words.")
    profile: str | None = Field(
        None, description="Digest of the profile that the rollout was made with; another one is tried again."
    )
    values: str | None = Field(
        None,
        description="Digest of what `spec.valuesFrom` and `spec.values` said then; others are tried again.",
    )
    request: str | None = Field(
        None,
        description=f"The value of the annotation {RECONCILE_ANNOTATION} then; with a new one the spec is "
        "tried once more.",
    )


class RenderedStatus(ApiModel):
    """The values that were rendered for somebody else, with `delivery: Render`."""

    config_map: str = Field(description="Name of the ConfigMap; the values are under its key values.yaml.")
    chart: str = Field(description="Name and version of the chart that they are of.")
    digest: str = Field(description="Digest of chart and values.")
    manifests: str | None = Field(
        None,
        description="Name of the ConfigMap of the objects, under its key manifests.yaml. Unset: none is "
        "asked for.",
    )


class Endpoints(ApiModel):
    """Addresses within the cluster, or those that `spec` names."""

    http: str = Field(description="Weaviate's REST and GraphQL address.")
    grpc: str | None = Field(
        None, description="Weaviate's gRPC address. Unset: `spec.weaviate.external` does not tell it."
    )
    inference: str = Field(description="The inference server's address.")
    gate: str | None = Field(
        None, description="The address that the Weaviate of `spec.weaviate.external` asks for its vectors."
    )
    public_http: str | None = Field(
        None, description="Weaviate's REST and GraphQL address from outside, by `spec.weaviate.expose`."
    )
    public_grpc: str | None = Field(
        None, description="Weaviate's gRPC address from outside, by `spec.weaviate.expose`."
    )


class WeaviateSettings(ApiModel):
    """These have to be set in the Weaviate of `spec.weaviate.external`, by whoever runs it."""

    env: dict[str, str] = Field(
        description="Its environment. ENABLE_MODULES is a list: add this module to those that are in it."
    )
    helm_values: str = Field(description="The same as values of Weaviate's own chart, weaviate-helm (YAML).")


class Remembered(ApiModel):
    """A part of the status that the operator reads again; it takes one of a newer operator too."""

    model_config = ApiModel.model_config | {"extra": "ignore"}


class WeaviateStatus(Remembered):
    """Weaviate last ran with this, all of its pods being ready; the next change is compared with it."""

    version: str = Field(description="Version of Weaviate.")
    replicas: int = Field(description="Number of its pods.")
    since: str = Field(
        description="When that was first seen (RFC 3339).", json_schema_extra={"format": "date-time"}
    )


class VectorSpaceStatus(Remembered):
    """The vector space that the collections are filled under: vectors of two spaces must not be compared."""

    model: str = Field(description="Name of the model.")
    weights: str = Field(description="SHA-256 of its checkpoint, or `published`.")
    precision: str = Field(description="Class of the precision: `float` or `int8`.")
    text_truncation: str = Field(description="How long texts are cut.")
    fingerprint: str | None = Field(
        None, description="The server's own word for the space. Unset: it could not be asked."
    )
    since: str = Field(
        description="When the space was first seen (RFC 3339).", json_schema_extra={"format": "date-time"}
    )


class AuthenticationStatus(Remembered):
    """It says who may ask Weaviate, as the wanted release has it."""

    anonymous_access: bool = Field(description="Whether Weaviate answers without a key.")
    secret: str | None = Field(None, description="The Secret with its API keys. Unset: there are none.")
    key_command: str | None = Field(None, description="The command that prints the first of them.")
    made_secret: str | None = Field(
        None, description="Tells the Secret that the operator made from one of the same name before it."
    )
    note: str | None = Field(None, description="What should be known of it.")


class ClaimStatus(ApiModel):
    """One volume claim of the resource."""

    name: str = Field(description="Name of the PersistentVolumeClaim.")
    size: str = Field(description="Its capacity; until it is bound, what it asks for.")
    created: str = Field(
        description="When it was created (RFC 3339).", json_schema_extra={"format": "date-time"}
    )
    adopted: bool = Field(description="Whether it was there before the resource.")


class ProfileStatus(ApiModel):
    """The hardware profile that the wanted release is made with; Released says whether it is deployed."""

    name: str = Field(description="Name of the profile.")
    digest: str = Field(description="Digest of its values.")
    overridden: list[str] = Field(
        default_factory=list, description="Fields of the spec that count instead of the profile's."
    )


class HardwareStatus(ApiModel):
    """The inference pods run on this: spec, profile and defaults come to it."""

    precision: str = Field(description="What the model computes with.")
    replicas: int = Field(description="Number of inference pods; with autoscaling, the most.")
    requests: dict[str, str] = Field(description="What each pod requests.")
    limits: dict[str, str] = Field(description="The limits of each pod.")
    gpu: str | None = Field(None, description="GPUs or device claims of each pod.")
    node_selector: dict[str, str] = Field(default_factory=dict, description="Labels that the node must have.")


class AutoscalingStatus(ApiModel):
    """The scaler chooses the number of inference pods."""

    scaler: str = Field(description="HorizontalPodAutoscaler or KEDA.")
    min_replicas: int = Field(description="Fewest pods.")
    max_replicas: int = Field(description="Most pods.")
    start_seconds: int | None = Field(
        None,
        description="How long the last pod took from its creation until it was ready: so long a request that "
        "finds no pod waits, and a few seconds more.",
    )
    asleep_since: str | None = Field(
        None,
        description="Since when there is no pod, because nobody asks (RFC 3339). Unset: there is one.",
        json_schema_extra={"format": "date-time"},
    )


class VerifiedVectors(ApiModel):
    """The live check's text and picture became these, so other weights of the same name are noticed."""

    fingerprint: str = Field(description="The server's name for the space of its vectors.")
    text: str = Field(description="Sketch of the text's vector, in hex digits.")
    image: str = Field(description="Sketch of the picture's vector, in hex digits.")


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
    rendered: RenderedStatus | None = Field(
        None, description="What was rendered for somebody else, with `delivery: Render`."
    )
    values_digest: str | None = Field(
        None, description="Digest of what `spec.valuesFrom` and `spec.values` say. Unset: nothing."
    )
    endpoints: Endpoints | None = Field(None, description="Addresses within the cluster.")
    weaviate_settings: WeaviateSettings | None = Field(
        None, description="What to set in the Weaviate of `spec.weaviate.external`. Unset: there is none."
    )
    device: str | None = Field(None, description="What the model runs on.")
    replicas: str | None = Field(None, description="Ready and wanted inference pods, as 1/1.")
    profile: ProfileStatus | None = Field(None, description="The hardware profile.")
    hardware: HardwareStatus | None = Field(
        None, description="What the inference pods run on: of the spec, of the profile, or by default."
    )
    autoscaling: AutoscalingStatus | None = Field(
        None, description="What chooses the number of inference pods. Unset: `spec.inference.replicas` does."
    )
    model: str | None = Field(None, description="The model that the release runs.")
    last_handled_reconcile: str | None = Field(
        None, description=f"The value of the annotation {RECONCILE_ANNOTATION} that was followed last."
    )
    weaviate: WeaviateStatus | None = Field(None, description="What Weaviate last ran with.")
    authentication: AuthenticationStatus | None = Field(
        None, description="Who may ask Weaviate. Unset: somebody else runs it."
    )
    vector_space: VectorSpaceStatus | None = Field(
        None, description="The vector space that the collections are filled under."
    )
    storage: list[ClaimStatus] = Field(default_factory=list, description="The resource's volume claims.")
    last_verified_time: str | None = Field(
        None,
        description="When the live check last found all as it should be (RFC 3339), to within an hour while "
        "nothing changes. The metric bind_operator_verified_timestamp_seconds is exact.",
        json_schema_extra={"format": "date-time"},
    )
    verified_vectors: VerifiedVectors | None = Field(
        None,
        description="What the live check first found under this fingerprint; remove it where other vectors "
        "are right, and the next check remembers those.",
    )
    history: list[HistoryEntry] = Field(
        default_factory=list, description="The latest revisions of the release, newest first."
    )

    backup: BackupStatus | None = Field(None, description="Backups. Unset: `spec.weaviate.backup` is.")
    restore: RestoreStatus | None = Field(None, description="The restore that the resource began with.")
    last_verified: LastVerified | None = Field(
        None, description="What a rollout that stands still is rolled back to."
    )
    remediation: RemediationStatus | None = Field(
        None,
        description="The last rollback; the spec of its generation is not tried again before somebody asks.",
    )

    @property
    def ready(self) -> Condition:
        """The condition Ready, which every status of the operator has."""
        return next(condition for condition in self.conditions if condition.type == ConditionType.READY)
