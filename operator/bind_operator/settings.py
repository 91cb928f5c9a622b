"""The operator's settings are read once at start: flags of `run` and environment variables of the same name.

`BIND_OPERATOR_RESYNC_S=60`; parts of a group are joined with two underscores
(`BIND_OPERATOR_IMAGES__INFERENCE__TAG=0.2.0`), or a group is given as JSON (`BIND_OPERATOR_IMAGES={…}`).
"""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic_settings import BaseSettings, SettingsConfigDict

import bind_operator

IMAGE_CHART = Path("/charts/weaviate-bind")
PACKAGE = Path(bind_operator.__file__).resolve().parent
WHEEL_CHART = PACKAGE / "charts/weaviate-bind"
CHECKOUT_CHART = PACKAGE.parents[1] / "charts/weaviate-bind"

LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR"]


class ImageSetting(BaseModel):
    """It says where one image comes from, for resources that do not."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    registry: str = Field(description="Host of the registry.")
    repository: str = Field(description="Path of the image in the registry.")
    tag: str = Field("", description="Tag of the image; Weaviate's is the version of the resource.")
    digest: str = Field("", description="Digest of the image; wins over the tag where set.")


class Images(BaseModel):
    """The images that the operator renders into resources that name none."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    inference: ImageSetting = Field(
        ImageSetting(
            registry="ghcr.io",
            repository="bindvectorizer/bind-inference",
            tag=bind_operator.__version__,
            digest="",
        ),
        description="The inference server.",
    )
    weaviate: ImageSetting = Field(
        ImageSetting(registry="cr.weaviate.io", repository="semitechnologies/weaviate", tag="", digest=""),
        description="Weaviate.",
    )
    gate: ImageSetting = Field(
        ImageSetting(registry="docker.io", repository="library/caddy", tag="2.11.9", digest=""),
        description="The gate.",
    )


def _bundled_chart() -> Path:
    """Return the chart of the image, of the installed wheel, or of the checkout."""
    return next((chart for chart in (IMAGE_CHART, WHEEL_CHART) if chart.is_dir()), CHECKOUT_CHART)


class Settings(BaseSettings):
    """All settings. Seconds end in `_s`."""

    model_config = SettingsConfigDict(
        env_prefix="BIND_OPERATOR_",
        env_nested_delimiter="__",
        # So that one part of an image can be set and the others keep their defaults.
        nested_model_default_partial_update=True,
        cli_kebab_case=True,
        frozen=True,
        extra="forbid",
    )

    images: Images = Field(Images(), description="Images of resources that name none.")
    watch_namespaces: list[str] = Field(
        default_factory=list, description="Namespaces to watch, as a JSON list; empty: all."
    )
    chart_dir: Path = Field(
        default_factory=_bundled_chart, description="Folder of the workload chart. Unset: the image's."
    )
    helm: str = Field("helm", description="The Helm program, as a name on the PATH or a path.")
    helm_driver: Literal["ConfigMap", "Secret", "Migrate"] = Field(
        "ConfigMap",
        description="Where Helm keeps its records: in ConfigMaps, which needs no right on Secrets, or in "
        "Secrets; Migrate: in ConfigMaps, and those that lie in Secrets are moved there.",
    )
    kubeconfig: Path | None = Field(
        None, description="Kubeconfig outside a cluster. Unset: the pod's service account, else $KUBECONFIG."
    )
    log_level: LogLevel = Field("INFO", description="Least level logged.")
    health_port: int = Field(8080, ge=1, le=65535, description="Port of /healthz, the liveness probe.")
    metrics_port: int = Field(8081, ge=1, le=65535, description="Port of /metrics.")
    resync_s: float = Field(300.0, gt=0, description="How often a resource is looked at without any event.")
    settle_s: float = Field(
        10.0, gt=0, description="How often a resource is looked at while its pods are not ready yet."
    )
    workers: int = Field(8, ge=1, le=64, description="How many resources are reconciled at once.")
    max_helm_runs: int = Field(4, ge=1, le=32, description="How many Helm processes run at once.")
    helm_timeout_s: float = Field(120.0, gt=0, description="After how long a Helm process is killed.")
    unlock_after_s: float = Field(
        15.0,
        ge=0,
        description="How old a pending release must be to be taken for one whose Helm died. Helm's own "
        "process dies with the operator, so only somebody else's Helm could still be at it.",
    )
    max_failures: int = Field(5, ge=1, description="After how many failures in a row a resource is Stalled.")
    retry_base_s: float = Field(5.0, gt=0, description="Wait after the first failure; it doubles each time.")
    retry_max_s: float = Field(300.0, gt=0, description="Longest wait between two attempts.")
    delete_timeout_s: float = Field(
        300.0, gt=0, description="After how long a deletion goes on without what could not be removed."
    )
    verify_timeout_s: float = Field(3.0, gt=0, description="Time limit of one request of the live check.")
