"""The lines that a person reads while things are done."""

import pytest

from bind_local.steps import Step, duration, run_steps


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.04, "0.0s"), (9.9, "9.9s"), (9.96, "10s"), (59.6, "1m00s"), (320, "5m20s")]
)
def test_durations_as_people_say_them(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_a_step_that_is_done_does_not_run(capsys: pytest.CaptureFixture[str]) -> None:
    ran: list[str] = []
    run_steps(
        [
            Step("first", lambda: ran.append("first"), lambda: True),
            Step("second", lambda: ran.append("second")),
        ]
    )
    assert ran == ["second"]
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "[1/2] first -- cached"
    assert lines[1].startswith("[2/2] second … 0.0s")


def test_an_error_says_failed_and_ends_the_run(capsys: pytest.CaptureFixture[str]) -> None:
    ran: list[str] = []

    def fail() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        run_steps([Step("first", fail), Step("second", lambda: ran.append("second"))])
    assert ran == []
    assert "[1/2] first … failed after" in capsys.readouterr().out
