"""Why a revision is made, from what was there before it."""

import pytest

from bind_operator.policy.causes import WORDS, Cause, occasion_of
from bind_operator.policy.facts import Revision
from bind_operator.policy.state import ReleaseState

CHART = "weaviate-bind-1.1.0"


def revision(status: str, chart: str = CHART, generation: int | None = 3) -> Revision:
    return Revision(1, status, True, "d", chart, 0.0, is_labelled=True, generation=generation)


@pytest.mark.parametrize(
    ("state", "latest", "cause"),
    [
        (ReleaseState.ABSENT, None, Cause.INSTALLED),
        (ReleaseState.OUT_OF_SYNC, revision("deployed", generation=2), Cause.SPEC_CHANGED),
        (ReleaseState.OUT_OF_SYNC, revision("deployed"), Cause.SETTINGS_CHANGED),
        (ReleaseState.OUT_OF_SYNC, revision("deployed", generation=None), Cause.SPEC_CHANGED),
        (ReleaseState.OUT_OF_SYNC, revision("deployed", "weaviate-bind-1.0.0"), Cause.CHART_CHANGED),
        (ReleaseState.OUT_OF_SYNC, revision("failed"), Cause.RETRIED),
        (ReleaseState.OUT_OF_SYNC, revision("failed", generation=2), Cause.SPEC_CHANGED),
        (ReleaseState.FAILED, revision("failed"), Cause.RETRIED),
        (ReleaseState.FAILED, revision("failed", generation=None), Cause.RETRIED),
        (ReleaseState.DRIFTED, revision("deployed"), Cause.OBJECTS_GONE),
        (ReleaseState.TAKEN_OVER, revision("deployed", "", None), Cause.TAKEN_BACK),
    ],
)
def test_the_cause_follows_from_the_state_and_the_latest_revision(
    state: ReleaseState, latest: Revision | None, cause: Cause
) -> None:
    found = occasion_of(state, latest, CHART, 3)
    assert (found.generation, found.cause) == (3, cause)
    assert str(found).endswith("(generation 3)")


@pytest.mark.parametrize(
    ("latest", "cause"),
    [
        (revision("deployed"), Cause.VALUES_CHANGED),
        (revision("deployed", generation=2), Cause.SPEC_CHANGED),
        (revision("deployed", "weaviate-bind-1.0.0"), Cause.CHART_CHANGED),
        (revision("failed"), Cause.RETRIED),
    ],
)
def test_new_values_are_the_cause_where_nothing_else_is(latest: Revision, cause: Cause) -> None:
    assert occasion_of(ReleaseState.OUT_OF_SYNC, latest, CHART, 3, has_new_values=True).cause is cause


def test_every_cause_has_words() -> None:
    assert WORDS.keys() == set(Cause)
