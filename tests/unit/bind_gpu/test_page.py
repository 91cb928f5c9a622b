from pathlib import Path

from bind_gpu.card import Card
from bind_gpu.clients import Sample
from bind_gpu.measurements import Measurement
from bind_gpu.page import KEPT, render, render_server
from bind_gpu.server import ServerFigures
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
    assert before.count("\n## ") == 1
    assert "\n## The whole server\n" in before
    assert after.count("\n## ") >= 3


def test_the_server_is_a_table_with_the_share_of_pictures() -> None:
    samples = {
        "pictures, 16 clients": Sample(1000.0, (10.0, 20.0), 0),
        "texts, 1 client": Sample(500.0, (2.0,), 1),
        "pictures, none": Sample(0.0, (), 5),
    }
    page = render_server(CARD, ServerFigures(7.5, 5.25, 4.0, samples), [])
    share = CARD.share(Modality.IMAGE.entry.unit_gflop, 0.001)
    assert f"| pictures, 16 clients | 1,000 | {share:.3f} | 15.0 | 19.9 | 0 |" in page
    assert "| texts, 1 client | 500 |  | 2.0 | 2.0 | 1 |" in page
    assert "| pictures, none | 0 |  | nan | nan | 5 |" in page
    assert "one CPU decodes 250 a second" in page


def test_without_its_packages_the_page_says_what_is_lacking() -> None:
    assert "this Python lacked av, uvloop." in render_server(CARD, None, ["av", "uvloop"])
