"""Each error knows the reason that conditions and events show, and whether trying again helps."""

from typing import ClassVar

from bind_operator.reasons import Reason


class OperatorError(Exception):
    """It is the base of all errors that are ours. One that is none of these is a bug."""

    reason: ClassVar[Reason]
    retry: ClassVar[bool]
    """Whether the same action may succeed later without a change of the spec."""
    counted: ClassVar[bool]
    """Whether it is a failure of the action, which the status tells; else the look is only taken again."""

    def __init_subclass__(cls, *, reason: Reason, retry: bool = True, counted: bool = True) -> None:
        """Take what an error knows from the line of its class."""
        cls.reason, cls.retry, cls.counted = reason, retry, counted


class InvalidSpec(OperatorError, reason=Reason.INVALID_SPEC, retry=False):
    """The resource breaks a rule, so nothing can be made from it."""


class ProfileMissing(OperatorError, reason=Reason.PROFILE_MISSING, retry=False):
    """The resource names a hardware profile that the operator does not have; it heals when that comes."""


class ProfileInvalid(OperatorError, reason=Reason.PROFILE_INVALID, retry=False):
    """The profile that the resource names cannot be used; whoever runs the operator has to mend it."""


class ProfileUnfit(OperatorError, reason=Reason.PROFILE_UNFIT, retry=False):
    """The resource asks for what its profile does not allow, or for another device."""


class KedaMissing(OperatorError, reason=Reason.KEDA_MISSING, retry=False):
    """The resource is to be scaled by KEDA, which is not installed; it heals when that comes."""


class RenderFailed(OperatorError, reason=Reason.RENDER_FAILED, retry=False):
    """The values that the spec gives do not fit the chart."""


class InvalidValues(OperatorError, reason=Reason.INVALID_VALUES, retry=False):
    """Values of the user's do not fit the chart, or reach what the operator owns; the message says where."""


class ValuesSourceMissing(OperatorError, reason=Reason.VALUES_SOURCE_MISSING, retry=False):
    """An object of `spec.valuesFrom`, or its key, is not there or may not be read; it heals when it comes."""


class SpecRefused(OperatorError, reason=Reason.SPEC_REFUSED, retry=False):
    """The API server, or a check of the chart, finds an object invalid that the spec alone makes so."""


class ForeignOwner(OperatorError, reason=Reason.FOREIGN_OWNER, retry=False):
    """A release or workload of that name belongs to somebody else; nothing of it is touched."""


class ForeignRevision(OperatorError, reason=Reason.FOREIGN_REVISION, retry=False):
    """Somebody else made the latest revision of the release, and it is left to them."""


class HelmFailed(OperatorError, reason=Reason.HELM_FAILED):
    """Helm ended with an error; the message is its own, without log lines."""


class HelmTimedOut(HelmFailed, reason=Reason.HELM_TIMED_OUT):
    """Helm did not end in time and was killed."""


class KindNotServed(HelmFailed, reason=Reason.KIND_NOT_SERVED):
    """The API server does not know a kind that the spec asks for; it heals when that is installed."""

    def __init__(self, message: str, lost: tuple[tuple[str, str], ...] = ()) -> None:
        """Take the message, and the kinds that are only in the way because the last revision has them."""
        super().__init__(message)
        self.lost = lost


class ApiUnavailable(OperatorError, reason=Reason.API_UNAVAILABLE, counted=False):
    """The API server cannot be reached or does not answer; that is nobody's spec's fault."""


class ApiConflict(OperatorError, reason=Reason.API_UNAVAILABLE, counted=False):
    """Somebody wrote the object in between; looking again settles it."""


class ApiRefused(OperatorError, reason=Reason.API_REFUSED):
    """The API server refused a request of the operator, most often for want of a permission."""


class NotLeader(OperatorError, reason=Reason.NOT_LEADER, counted=False):
    """Another operator may lead, so this one neither writes nor runs Helm."""
