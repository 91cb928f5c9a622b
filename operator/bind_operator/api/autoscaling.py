"""An autoscaler may choose the number of inference pods, down to none while nobody asks."""

from pydantic import Field

from bind_operator.api.base import ApiModel

MAX_PODS = 64
DEFAULT_HOLD_S = 80
"""It is below the 90 s after which Weaviate's Python client gives an import up."""


class AutoscalingTarget(ApiModel):
    """The figure that the autoscaler holds each pod at. Exactly one."""

    cpu_utilization: int | None = Field(
        None,
        ge=1,
        le=1000,
        description="CPU use of a pod, in percent of its request. A HorizontalPodAutoscaler does it, which "
        "needs metrics-server, or another that serves metrics.k8s.io.",
    )
    queue_depth: int | None = Field(
        None,
        ge=1,
        le=10_000,
        description="Requests at the gates for each pod: those that wait, and those that are worked on. KEDA "
        "does it, which has to be installed.",
    )


class Autoscaling(ApiModel):
    """The number of inference pods is between two bounds."""

    min_replicas: int = Field(
        1,
        ge=0,
        le=MAX_PODS,
        description="Fewest pods. 0: none while nobody asks; the gate holds the next request until the "
        "first pod is ready.",
    )
    max_replicas: int = Field(ge=1, le=MAX_PODS, description="Most pods.")
    target: AutoscalingTarget = Field(description="What each pod is held at.")
    scale_down_stabilization_seconds: int = Field(
        300,
        ge=0,
        le=3600,
        description="Before a pod ends, the most pods that were wanted in so long a time are counted.",
    )
    sleep_after_seconds: int = Field(
        600,
        ge=10,
        le=86400,
        description="With minReplicas 0: after so long without any request the last pods end.",
    )
    hold_seconds: int = Field(
        DEFAULT_HOLD_S,
        ge=20,
        le=540,
        description="With minReplicas 0: so long the gate holds a request for the first pod. It should be "
        "above `status.autoscaling.startSeconds`. Weaviate waits for its module 5 seconds longer "
        "(MODULES_CLIENT_TIMEOUT). Clients have limits of their own: the Python client's are 30 seconds for "
        "a query and 90 for an import.",
    )

    @property
    def sleeps(self) -> bool:
        """Return whether there may be no pod at all."""
        return self.min_replicas == 0
