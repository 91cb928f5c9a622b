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
    KIND_NOT_SERVED = "KindNotServed"
    API_UNAVAILABLE = "ApiUnavailable"
    API_REFUSED = "ApiRefused"
    SPEC_REFUSED = "SpecRefused"

    # Hardware profiles
    PROFILE_MISSING = "ProfileMissing"
    PROFILE_INVALID = "ProfileInvalid"
    PROFILE_UNFIT = "ProfileUnfit"
    PROFILE_CHANGED = "ProfileChanged"

    # Autoscaling
    ASLEEP = "Asleep"
    WAKING = "Waking"
    KEDA_MISSING = "KedaMissing"
    # Values of the user's, and who installs the release
    INVALID_VALUES = "InvalidValues"
    VALUES_SOURCE_MISSING = "ValuesSourceMissing"
    RENDERED = "Rendered"

    # What the cluster says about the pods
    WAITING_FOR_NODE = "WaitingForNode"
    UNSCHEDULABLE = "Unschedulable"
    IMAGE_PULL_FAILED = "ImagePullFailed"
    OUT_OF_MEMORY = "OutOfMemory"
    CRASH_LOOPING = "CrashLooping"
    VOLUME_UNBOUND = "VolumeUnbound"
    CONTAINER_CONFIG_INVALID = "ContainerConfigInvalid"
    PODS_REFUSED = "PodsRefused"
    CONTAINER_NOT_STARTED = "ContainerNotStarted"
    EVICTED = "Evicted"
    NODE_NOT_READY = "NodeNotReady"

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

    # Changes that break data, and volume claims
    NO_OPEN_CHANGE = "NoOpenChange"
    CHANGE_NEEDS_CONSENT = "ChangeNeedsConsent"
    CHANGE_REFUSED = "ChangeRefused"
    CLAIM_UNFIT = "ClaimUnfit"
    CLAIM_NOT_GROWN = "ClaimNotGrown"
    SAME_VECTOR_SPACE = "SameVectorSpace"
    VECTOR_SPACE_UNKNOWN = "VectorSpaceUnknown"
    VECTOR_SPACE_CHANGED = "VectorSpaceChanged"
    CHANGE_ACCEPTED = "ChangeAccepted"
    CLAIM_ADOPTED = "ClaimAdopted"
    CLAIM_REPLACED = "ClaimReplaced"
    # Drift and ownership
    FOREIGN_REVISION = "ForeignRevision"
    NO_DRIFT_DETECTED = "NoDriftDetected"
    DRIFT_DETECTED = "DriftDetected"
    DRIFT_CONTESTED = "DriftContested"
    DRIFT_UNKNOWN = "DriftUnknown"
    DRIFT_DETECTION_DISABLED = "DriftDetectionDisabled"
    DRIFT_CORRECTED = "DriftCorrected"
    RELEASE_TAKEN_BACK = "ReleaseTakenBack"
    RELEASE_LEFT = "ReleaseLeft"
    # What the live check met
    INFERENCE_BUSY = "InferenceBusy"
    GATE_OUTDATED = "GateOutdated"

    # Backups, and the one that a resource begins with
    BACKUP_SUCCEEDED = "BackupSucceeded"
    BACKUP_FAILED = "BackupFailed"
    BACKUP_OVERDUE = "BackupOverdue"
    NO_BACKUP_YET = "NoBackupYet"
    BACKUPS_REMOVED = "BackupsRemoved"
    RETENTION_FAILED = "RetentionFailed"
    RESTORING = "Restoring"
    RESTORED = "Restored"
    RESTORE_FAILED = "RestoreFailed"
    RESTORE_REFUSED = "RestoreRefused"

    # What runs elsewhere
    ANSWERS = "Answers"
    GATE_NOT_READY = "GateNotReady"
    WEAVIATE_UNREACHABLE = "WeaviateUnreachable"
    WEAVIATE_KEY_MISSING = "WeaviateKeyMissing"
    WEAVIATE_KEY_REFUSED = "WeaviateKeyRefused"
    WEAVIATE_TOO_OLD = "WeaviateTooOld"
    MODULE_ABSENT = "ModuleAbsent"
    MODULE_ELSEWHERE = "ModuleElsewhere"
    INFERENCE_UNREACHABLE = "InferenceUnreachable"
    INFERENCE_KEY_REFUSED = "InferenceKeyRefused"

    # Events of actions
    INSTALLED = "Installed"
    UPGRADED = "Upgraded"
    UNLOCKED = "Unlocked"
    KIND_FORGOTTEN = "KindForgotten"
    UNINSTALLED = "Uninstalled"
    KEYS_MADE = "KeysMade"
    KEYS_KEPT = "KeysKept"
    VOLUMES_KEPT = "VolumesKept"
    VOLUMES_DELETED = "VolumesDeleted"
    VOLUMES_LEFT = "VolumesLeft"
    UNINSTALL_GAVE_UP = "UninstallGaveUp"

    # What the inference server says of itself
    DOWNLOADING_WEIGHTS = "DownloadingWeights"

    # What is told beside what Ready says
    ANONYMOUS_ACCESS = "AnonymousAccess"
    UNKNOWN_FIELDS = "UnknownFields"
    # Leadership among several operators
    NOT_LEADER = "NotLeader"
