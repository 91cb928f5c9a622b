"""What is said of a download, by what the server's /meta says."""

from typing import Any

import pytest

from bind_operator.policy.download import Download


def meta(done: Any, total: Any = 4_500_000_000, left: Any = 171.3) -> dict[str, Any]:
    progress = {"done_bytes": done, "total_bytes": total, "seconds_left": left}
    return {"model": "ImageBindHuge", "state": "Downloading", "progress": progress}


CASES: dict[str, tuple[dict[str, Any], str]] = {
    "on its way": (meta(1_900_000_000), "40 % (1.8 of 4.5 GB), about 3 min left"),
    "begun": (meta(0, left=None), "0 % (0.0 of 4.5 GB)"),
    "long": (meta(100, left=3_700.0), "0 % (0.0 of 4.5 GB), about 60 min left"),
    "almost there": (meta(4_499_000_000, left=2.0), "95 % (4.3 of 4.5 GB), less than a minute left"),
    "all": (meta(4_500_000_000, left=0.0), "100 % (4.5 of 4.5 GB), less than a minute left"),
}


@pytest.mark.parametrize(("answer", "text"), CASES.values(), ids=CASES)
def test_sentence(answer: dict[str, Any], text: str) -> None:
    download = Download.of("t-inference-x", answer)
    assert download is not None
    assert download.describe() == f"pod t-inference-x downloads the weights: {text}"


@pytest.mark.parametrize(
    "answer",
    [
        meta("1"),
        meta(True),
        meta(-1),
        meta(5, 0),
        meta(5, 4),
        meta(1, "x"),
        meta(None),
        {"state": "Downloading"},
    ],
)
def test_an_odd_measure_is_left_out(answer: dict[str, Any]) -> None:
    download = Download.of("t-inference-x", answer)
    assert download is not None
    assert download.describe() == "pod t-inference-x downloads the weights"


@pytest.mark.parametrize("left", ["1", float("nan"), float("inf"), -1, True])
def test_an_odd_time_is_left_out(left: Any) -> None:
    download = Download.of("t-inference-x", meta(1_900_000_000, left=left))
    assert download is not None
    assert download.describe().endswith("40 % (1.8 of 4.5 GB)")


@pytest.mark.parametrize("answer", [None, [], "x", 1, {}, {"state": "Loading"}, {"state": ["Downloading"]}])
def test_anything_else_is_no_download(answer: object) -> None:
    assert Download.of("t-inference-x", answer) is None


def test_a_little_more_changes_nothing() -> None:
    first, second = (Download.of("p", meta(done)) for done in (1_900_000_000, 1_990_000_000))
    assert first == second
