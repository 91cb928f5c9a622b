"""Each revision of a release has a cause, which its labels and the history keep."""

from dataclasses import dataclass
from enum import StrEnum

from bind_operator.policy.facts import Revision
from bind_operator.policy.state import ReleaseState


class Cause(StrEnum):
    """It says in one word why the operator made a revision; part of the API, as reasons are."""

    INSTALLED = "Installed"
    SPEC_CHANGED = "SpecChanged"
    CHART_CHANGED = "ChartChanged"
    """The operator brought another chart."""
    SETTINGS_CHANGED = "SettingsChanged"
    """The spec is the same and the values are others: the operator's images, other settings, or a profile."""
    VALUES_CHANGED = "ValuesChanged"
    """The spec is the same, and an object of `spec.valuesFrom` is another."""
    RETRIED = "Retried"
    OBJECTS_GONE = "ObjectsGone"
    TAKEN_BACK = "TakenBack"


WORDS = {
    Cause.INSTALLED: "as it was not there",
    Cause.SPEC_CHANGED: "because the spec changed",
    Cause.CHART_CHANGED: "because the operator has another chart",
    Cause.SETTINGS_CHANGED: "because settings of the operator changed",
    Cause.VALUES_CHANGED: "because values that the spec names changed",
    Cause.RETRIED: "because the last try failed",
    Cause.OBJECTS_GONE: "because objects of it were gone",
    Cause.TAKEN_BACK: "because somebody else had changed it",
}


@dataclass(frozen=True)
class Occasion:
    """On it a revision is made. generation: of the resource's spec."""

    generation: int
    cause: Cause

    def __str__(self) -> str:
        return f"{WORDS[self.cause]} (generation {self.generation})"


def occasion_of(
    state: ReleaseState, latest: Revision | None, chart: str, generation: int, *, has_new_values: bool = False
) -> Occasion:
    """Return the occasion of the revision after `latest`.

    chart: name and version of what it will have. has_new_values: what the spec names is another than before.
    """
    cause = _cause(state, latest, chart, generation)
    is_theirs = cause is Cause.SETTINGS_CHANGED and has_new_values
    return Occasion(generation, Cause.VALUES_CHANGED if is_theirs else cause)


def _cause(state: ReleaseState, latest: Revision | None, chart: str, generation: int) -> Cause:
    if latest is None:
        return Cause.INSTALLED
    if state is ReleaseState.TAKEN_OVER:
        return Cause.TAKEN_BACK
    if state is ReleaseState.DRIFTED:
        return Cause.OBJECTS_GONE
    if state is ReleaseState.OUT_OF_SYNC and latest.status == "deployed":
        if latest.chart != chart:
            return Cause.CHART_CHANGED
        # An operator before this label gave none: then it is most likely the spec.
        return Cause.SETTINGS_CHANGED if latest.generation == generation else Cause.SPEC_CHANGED
    return Cause.RETRIED if latest.generation in (None, generation) else Cause.SPEC_CHANGED
