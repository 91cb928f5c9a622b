"""The settings of a run of the demo."""

from enum import StrEnum
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

ROOT = Path(__file__).parents[2]
"""Charts and samples are read from this checkout."""


class Cluster(StrEnum):
    """The demo runs on one of these clusters."""

    LOCAL = "local"
    CURRENT = "current"


class Settings(BaseSettings):
    """They are read once in __main__, from the environment (as `make` passes it on) and the command line."""

    model_config = SettingsConfigDict(frozen=True, env_prefix="BIND_DEMO_", populate_by_name=True)

    kube: Cluster = Field(
        Cluster.LOCAL,
        validation_alias="KUBE",
        description="local: the cluster of `make cluster`; current: kubectl's current context, after asking.",
    )
    registry: str = Field(
        "",
        validation_alias="REGISTRY",
        description="With KUBE=current: where `make images REGISTRY=…` pushed to; empty: ghcr.io.",
    )
    assume_yes: bool = Field(False, description="With KUBE=current: do not ask.")
    namespace: str = Field("demo", description="Namespace of the BindVectorizer.")
    name: str = Field("tiny", description="Name of the BindVectorizer in manifests/samples/tiny.yaml.")
    operator_namespace: str = Field("bind-system", description="Namespace of the operator.")
    ready_timeout_s: float = Field(300, gt=0, description="How long to wait for Ready.")
