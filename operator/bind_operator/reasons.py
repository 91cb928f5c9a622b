"""Conditions and events give one of these words as their reason."""

from enum import StrEnum


class Reason(StrEnum):
    """It is one PascalCase word for why, and part of the API: alerts and scripts match it."""

    # Ready
    IN_SYNC = "InSync"
    SUSPENDED = "Suspended"
    DELETING = "Deleting"
    INSTALLING = "Installing"
    UPGRADING = "Upgrading"
    RELEASE_LOCKED = "ReleaseLocked"
    ROLLING_OUT = "RollingOut"
    WEAVIATE_NOT_READY = "WeaviateNotReady"
    VERIFYING = "Verifying"
    VERIFICATION_FAILED = "VerificationFailed"

    # Rollouts that stand still
    ROLLOUT_STALLED = "RolloutStalled"
    ROLLED_BACK = "RolledBack"

    # Upgrades of releases by a new operator
    WAITING_FOR_WAVE = "WaitingForWave"
    WAVE_WENT_ON = "WaveWentOn"

    # Errors of the operator's own actions
    INVALID_SPEC = "InvalidSpec"
    RENDER_FAILED = "RenderFailed"
    FOREIGN_OWNER = "ForeignOwner"
    HELM_FAILED = "HelmFailed"
    HELM_TIMED_OUT = "HelmTimedOut"
    API_UNAVAILABLE = "ApiUnavailable"
    API_REFUSED = "ApiRefused"
    RETRIES_EXCEEDED = "RetriesExceeded"

    # What the cluster says about the pods
    UNSCHEDULABLE = "Unschedulable"
    IMAGE_PULL_FAILED = "ImagePullFailed"
    OUT_OF_MEMORY = "OutOfMemory"
    CRASH_LOOPING = "CrashLooping"
    VOLUME_UNBOUND = "VolumeUnbound"
    CONTAINER_CONFIG_INVALID = "ContainerConfigInvalid"
    PODS_REFUSED = "PodsRefused"
    CONTAINER_NOT_STARTED = "ContainerNotStarted"
    EVICTED = "Evicted"

    # Other conditions
    DEPLOYED = "Deployed"
    NOT_RELEASED = "NotReleased"
    RETRYING = "Retrying"
    PROGRESSING = "Progressing"
    ALL_READY = "AllReady"
    SCALED_TO_ZERO = "ScaledToZero"
    NO_INFERENCE_PODS = "NoInferencePods"
    VERIFIED = "Verified"
    AUTHENTICATION_REQUIRED = "AuthenticationRequired"

    # Events of actions
    INSTALLED = "Installed"
    UPGRADED = "Upgraded"
    UNLOCKED = "Unlocked"
    UNINSTALLED = "Uninstalled"
    VOLUMES_KEPT = "VolumesKept"
    VOLUMES_DELETED = "VolumesDeleted"
    VOLUMES_LEFT = "VolumesLeft"
    UNINSTALL_GAVE_UP = "UninstallGaveUp"
