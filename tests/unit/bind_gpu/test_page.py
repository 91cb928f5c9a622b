from pathlib import Path

from bind_gpu.card import Card
from bind_gpu.measurements import Measurement
from bind_gpu.page import KEPT, render
from bind_inference.modality import Modality

CARD = Card("A Card", (9, 0), 79.2, "2.11", 655.1)


def test_a_row_tells_rate_share_and_how_much_faster_than_plain_it_is() -> None:
    measured = [Measurement(Modality.IMAGE, 64, 0.05, 0.6), Measurement(Modality.AUDIO, 1, 0.002, 0.1)]
    page = render(CARD, measured, [Measurement(Modality.IMAGE, 64, 0.06, 0.5)], warm_s=2.5, memory_gib=4.5)
    assert "| image | 64 | 50.00 | 1,280 | 0.600 | 1.20 x |" in page
    assert "| audio | 1 | 2.00 | 500 | 0.100 |  |" in page
    assert "655 TFLOP/s" in page


def test_a_share_is_of_the_peak_in_the_same_run() -> None:
    assert CARD.share(gflop=655.1, seconds=0.01) == 0.1


def test_what_was_written_by_hand_stands_where_a_run_keeps_it() -> None:
    page = Path(__file__).parents[3] / "docs" / "benchmarks-gpu.md"
    before, mark, after = page.read_text(encoding="utf-8").partition(KEPT)
    assert mark
    assert before.count("\n## ") == 0
    assert after.count("\n## ") >= 3
