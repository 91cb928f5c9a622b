"""How long a stage still takes, by named situations; the time is an argument."""

from bind_inference.weights.progress import Pace, Progress, Stage

GB = 10**9


def download(done: float) -> Progress:
    return Progress(Stage.DOWNLOAD, int(done * GB), 4 * GB)


def test_the_time_left_follows_from_what_has_come_so_far() -> None:
    pace = Pace()
    assert pace.seconds_left(download(0), 100.0) is None
    assert pace.seconds_left(download(1), 110.0) == 30.0
    assert pace.seconds_left(download(3), 130.0) == 10.0


def test_what_an_earlier_run_left_does_not_count_as_fast() -> None:
    pace = Pace()
    pace.seconds_left(download(2), 100.0)
    assert pace.seconds_left(download(3), 110.0) == 10.0


def test_each_stage_has_its_own_pace() -> None:
    pace = Pace()
    pace.seconds_left(download(0), 100.0)
    pace.seconds_left(download(4), 110.0)
    assert pace.seconds_left(Progress(Stage.VERIFY, 0, 4 * GB), 111.0) is None


def test_an_unknown_size_or_no_pace_has_no_time_left() -> None:
    pace = Pace()
    pace.seconds_left(Progress(Stage.DOWNLOAD, 0, 0), 100.0)
    assert pace.seconds_left(Progress(Stage.DOWNLOAD, GB, 0), 110.0) is None
    pace = Pace()
    pace.seconds_left(download(1), 100.0)
    assert pace.seconds_left(download(1), 110.0) is None
    assert pace.seconds_left(download(1.5), 100.0) is None
