"""Each error knows the reason that conditions and events show, and whether trying again helps."""

from typing import ClassVar

from bind_operator.reasons import Reason


class OperatorError(Exception):
    """It is the base of all errors that are ours. One that is none of these is a bug."""

    reason: ClassVar[Reason]
    retry: ClassVar[bool] = True
    """Whether the same action may succeed later without a change of the spec."""
    counted: ClassVar[bool] = True
    """Whether it counts towards the limit after which the resource is Stalled."""


class InvalidSpec(OperatorError):
    """The resource breaks a rule, so nothing can be made from it."""

    reason = Reason.INVALID_SPEC
    retry = False


class RenderFailed(OperatorError):
    """The values that the spec gives do not fit the chart."""

    reason = Reason.RENDER_FAILED
    retry = False


class ForeignOwner(OperatorError):
    """A release or workload of that name belongs to somebody else; nothing of it is touched."""

    reason = Reason.FOREIGN_OWNER
    retry = False


class HelmFailed(OperatorError):
    """Helm ended with an error; the message is its own, without log lines."""

    reason = Reason.HELM_FAILED


class HelmTimedOut(HelmFailed):
    """Helm did not end in time and was killed."""

    reason = Reason.HELM_TIMED_OUT


class ApiUnavailable(OperatorError):
    """The API server cannot be reached or does not answer; that is nobody's spec's fault."""

    reason = Reason.API_UNAVAILABLE
    counted = False


class ApiConflict(OperatorError):
    """Somebody wrote the object in between; looking again settles it."""

    reason = Reason.API_UNAVAILABLE
    counted = False


class ApiRefused(OperatorError):
    """The API server refused a request of the operator, most often for want of a permission."""

    reason = Reason.API_REFUSED
