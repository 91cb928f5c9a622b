"""The operator's settings are read once at start: flags of `run` and environment variables of the same name.

`BIND_OPERATOR_RESYNC_S=60`; parts of a group are joined with two underscores
(`BIND_OPERATOR_IMAGES__INFERENCE__TAG=0.2.0`), or a group is given as JSON (`BIND_OPERATOR_IMAGES={…}`).
"""

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic_settings import BaseSettings, SettingsConfigDict

import bind_operator

IMAGE_CHART = Path("/charts/weaviate-bind")
PACKAGE = Path(bind_operator.__file__).resolve().parent
WHEEL_CHART = PACKAGE / "charts/weaviate-bind"
CHECKOUT_CHART = PACKAGE.parents[1] / "charts/weaviate-bind"

CPU_SUFFIX = "-cpu"
"""The tag of a version's image for CPUs is the version and this."""

LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR"]


class ImageSetting(BaseModel):
    """It says where one image comes from, for resources that do not."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    registry: str = Field(description="Host of the registry.")
    repository: str = Field(description="Path of the image in the registry.")
    tag: str = Field("", description="Tag of the image; Weaviate's is the version of the resource.")
    digest: str = Field("", description="Digest of the image; wins over the tag where set.")


class ImageVariant(BaseModel):
    """It says which of a repository's images one device gets."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tag: str = Field("", description="Tag of the image for resources with device CPU.")
    digest: str = Field("", description="Digest of that image; wins over its tag where set.")


class InferenceImageSetting(ImageSetting):
    """It says where the server's images come from: one for every device, and one for CPUs without CUDA."""

    tag: str = Field(
        "",
        description="Tag of the image, for both devices unless `cpu` says otherwise. Empty: the operator's "
        "version, and with device CPU the version with -cpu.",
    )
    cpu: ImageVariant = Field(
        ImageVariant(tag="", digest=""),
        description="The image of resources with device CPU. Empty: as `tag` and `digest` say.",
    )

    def for_device(self, *, has_gpu: bool) -> ImageSetting:
        """Return the image of a device. What is set is taken as it is; only the default knows two images."""
        own = ImageVariant(tag=self.tag, digest=self.digest)
        chosen = own if has_gpu or not (self.cpu.tag or self.cpu.digest) else self.cpu
        tag = chosen.tag or (bind_operator.__version__ + ("" if has_gpu else CPU_SUFFIX))
        return ImageSetting(registry=self.registry, repository=self.repository, tag=tag, digest=chosen.digest)


class Images(BaseModel):
    """The images that the operator renders into resources that name none."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    inference: InferenceImageSetting = Field(
        InferenceImageSetting(
            registry="ghcr.io", repository="bindvectorizer/bind-inference", tag="", digest=""
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
    operator: ImageSetting = Field(
        ImageSetting(registry="ghcr.io", repository="bindvectorizer/bind-operator", tag="", digest=""),
        description="The operator itself, whose image also removes old backups. Empty tag: its version.",
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
    profiles_dir: Path | None = Field(
        None,
        description="Folder of the hardware profiles, a file NAME.yaml for each; a change of it is noticed. "
        "The chart mounts its `profiles` there. Unset: there are none.",
    )
    profiles_interval_s: float = Field(
        5.0, gt=0, description="How often that folder is looked at for changes."
    )
    values_interval_s: float = Field(
        20.0,
        gt=0,
        description="How often the ConfigMaps and Secrets of `spec.valuesFrom` are looked at for changes.",
    )
    node_wait_s: float = Field(
        900.0,
        ge=0,
        description="How long a pod for which there is no node waits for one (WaitingForNode), because an "
        "autoscaler may still make it; then it is Unschedulable. 0: nothing makes nodes.",
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
        10.0,
        gt=0,
        description="After how long a resource whose pods are not ready is looked at without any event. The "
        "wait doubles each time that nothing is new, up to resync_s.",
    )
    workers: int = Field(8, ge=1, le=64, description="How many resources are reconciled at once.")
    max_helm_runs: int = Field(4, ge=1, le=32, description="How many Helm processes run at once.")
    max_chart_upgrades: int = Field(
        0,
        ge=0,
        description="How many releases are upgraded at once when a new operator brings another chart or "
        "images; 0: a tenth of them, at least one. Those with the label bindvectorizer.dev/canary=true go "
        "first.",
    )
    chart_upgrade_timeout_s: float = Field(
        600.0,
        gt=0,
        description="How long such an upgrade may hold up the others until its resource is Ready.",
    )
    rollout_timeout_s: float = Field(
        1860.0,
        gt=0,
        description="How long a pod of Weaviate may be not ready in a rollout until that stands still. For "
        "inference pods inference.rollout.progressDeadlineSeconds says it.",
    )
    helm_timeout_s: float = Field(120.0, gt=0, description="After how long a Helm process is killed.")
    unlock_after_s: float = Field(
        15.0,
        ge=0,
        description="How old a pending release that the operator made must be to be taken for one whose "
        "Helm died. The operator's Helm dies with it.",
    )
    foreign_unlock_after_s: float = Field(
        600.0,
        ge=0,
        description="The same for a pending release that somebody else's Helm made. That Helm may be alive: "
        "one that waits does so for 5 minutes, unless it was told otherwise.",
    )
    retry_base_s: float = Field(5.0, gt=0, description="Wait after the first failure; it doubles each time.")
    retry_max_s: float = Field(300.0, gt=0, description="Longest wait between two attempts.")
    delete_timeout_s: float = Field(
        300.0, gt=0, description="After how long a deletion goes on without what could not be removed."
    )
    leader_elect: bool = Field(
        True, description="Whether to act only while holding a Lease, so that of several operators one acts."
    )
    lease_name: str = Field(
        "bind-operator",
        min_length=1,
        description="Name of the Lease. Operators that watch the same namespaces must have the same.",
    )
    lease_namespace: str = Field(
        "kube-system",
        min_length=1,
        description="Namespace of the Lease of an operator that watches all namespaces: the same for all of "
        "them. One that watches named namespaces has a Lease in each.",
    )
    lease_duration_s: int = Field(
        10,
        ge=2,
        le=300,
        description="How long a Lease holds after its last renewal; another operator takes over that long "
        "after this one died, and a third of it more.",
    )
    verify_timeout_s: float = Field(
        3.0, gt=0, description="Time limit of the live check for a connection, and for metadata."
    )
    verify_embedding_timeout_s: float = Field(
        30.0, gt=0, description="Time limit of the live check for the vectors of a text and a picture."
    )
    verify_interval_s: float = Field(
        300.0, gt=0, description="How often the live check is repeated while nothing changes."
    )
    keys_secret: str = Field(
        "",
        description="Name of the Secret, in the operator's own namespace, that the keys of its own users of "
        "Weaviate follow from. It is made at first use. Empty: the operator has no such users, and cannot "
        "back up a Weaviate that wants keys.",
    )
    namespace: str = Field(
        "", description="The operator's own namespace, for network policies; empty: unknown."
    )
    pod_labels: dict[str, str] = Field(
        default_factory=dict, description="Labels that select the operator's pods, for network policies."
    )

    @property
    def operator_pod(self) -> str:
        """Return who asks, for a message about a network policy."""
        labels = ",".join(f"{name}={value}" for name, value in self.pod_labels.items())
        known = {"namespace": self.namespace, "pods with the labels": labels}
        told = ", ".join(f"{what} {value}" for what, value in known.items() if value)
        return f"the operator ({told})" if told else "the operator"

    @property
    def operator_peers(self) -> list[dict[str, Any]]:
        """Return where the operator runs as the peers of a network policy; none if that is not known."""
        if not self.namespace:
            return []
        peer = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": self.namespace}}}
        return [peer | ({"podSelector": {"matchLabels": self.pod_labels}} if self.pod_labels else {})]
