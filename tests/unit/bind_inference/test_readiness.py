"""Which phases are live, ready, and served."""

import pytest

from bind_inference.errors import NotReady
from bind_inference.readiness import Phase, Readiness


@pytest.mark.parametrize("phase", Phase)
def test_only_ready_is_ready(phase: Phase) -> None:
    assert Readiness(phase).ready is (phase is Phase.READY)


@pytest.mark.parametrize("phase", Phase)
def test_only_a_failed_server_is_not_live(phase: Phase) -> None:
    assert Readiness(phase).live is (phase is not Phase.FAILED)


@pytest.mark.parametrize("phase", set(Phase) - {Phase.READY, Phase.DRAINING})
def test_requests_are_refused_with_the_state(phase: Phase) -> None:
    with pytest.raises(NotReady, match=phase):
        Readiness(phase).require()


@pytest.mark.parametrize("phase", [Phase.READY, Phase.DRAINING])
def test_a_draining_server_still_answers(phase: Phase) -> None:
    Readiness(phase).require()


def test_the_description_tells_progress_and_detail() -> None:
    sentence = Readiness(Phase.DOWNLOADING, "download", 0.414).describe()
    assert sentence == "the model is not ready: Downloading, 41% (download)"
