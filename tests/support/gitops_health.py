"""States of a resource, and what tools that deploy from Git have to make of each."""

from dataclasses import dataclass
from typing import Any

Condition = tuple[str, str, str]


@dataclass(frozen=True)
class State:
    """The conditions of a resource, and what Flux and Argo CD call it."""

    conditions: tuple[Condition, ...] | None
    """Type, status and reason of each; None where there is no status yet."""
    flux: str
    argocd: str
    is_of_this_spec: bool = True

    @property
    def resource(self) -> dict[str, Any]:
        """The resource, as the API server has it."""
        status: dict[str, Any] = {}
        if self.conditions is not None:
            status = {
                "observedGeneration": 3 if self.is_of_this_spec else 2,
                "conditions": [
                    {"type": type_, "status": status, "reason": reason, "message": "some words"}
                    for type_, status, reason in self.conditions
                ],
            }
        return {
            "apiVersion": "bindvectorizer.dev/v1alpha1",
            "kind": "BindVectorizer",
            "metadata": {"name": "search", "namespace": "shop", "generation": 3},
            "spec": {},
            **({"status": status} if status else {}),
        }


def _ready(status: str, reason: str, stalled: str = "False") -> tuple[Condition, ...]:
    return (("Ready", status, reason), ("Stalled", stalled, reason if stalled == "True" else "Progressing"))


STATES = {
    "new": State(None, "Unknown", "Progressing"),
    "ready": State(_ready("True", "InSync"), "Current", "Healthy"),
    "asleep": State(_ready("True", "Asleep"), "Current", "Healthy"),
    "rendered": State(_ready("True", "Rendered"), "Current", "Healthy"),
    "ready for the spec before": State(
        _ready("True", "InSync"), "InProgress", "Progressing", is_of_this_spec=False
    ),
    "failed for the spec before": State(
        _ready("False", "ImagePullFailed"), "InProgress", "Progressing", is_of_this_spec=False
    ),
    "installing": State(_ready("Unknown", "Installing"), "InProgress", "Progressing"),
    "downloading": State(_ready("Unknown", "DownloadingWeights"), "InProgress", "Progressing"),
    "a node is made": State(_ready("Unknown", "WaitingForNode"), "InProgress", "Progressing"),
    "verifying": State(_ready("Unknown", "Verifying"), "InProgress", "Progressing"),
    "no image": State(_ready("False", "ImagePullFailed"), "Failed", "Degraded"),
    "crashing": State(_ready("False", "CrashLooping"), "Failed", "Degraded"),
    "no consent": State(_ready("False", "ChangeNeedsConsent"), "Failed", "Degraded"),
    "stalled": State(_ready("False", "InvalidSpec", "True"), "Failed", "Degraded"),
    "stalled beside a good release": State(_ready("True", "InSync", "True"), "Failed", "Degraded"),
    "suspended and ready": State(_ready("True", "Suspended"), "Current", "Suspended"),
    "suspended and behind": State(_ready("Unknown", "Suspended"), "Current", "Suspended"),
    "deleting": State(_ready("False", "Deleting"), "InProgress", "Progressing"),
}
