from bind_bench.figures.page import REMARKS, RunContext, format_spread, render, table
from bind_bench.figures.results import PEER, Results, ServerFigures
from bind_bench.figures.stats import Spread
from bind_bench.machine import Machine
from bind_bench.workload.sample import Sample
from bind_bench.workload.scenarios import BESIDE, Scenario

AUDIO = Scenario("audio", 8, 2, seconds=4)
TEXTS_BESIDE = Scenario(BESIDE, 2, 1, requests=1)
MACHINE = Machine("A CPU", 2, 23.5, ("avx512f",), "6.1")
CONTEXT = RunContext(
    "2026-11-24", MACHINE, 0.1, "torch 2.15", "torch 2.0.1", ("av==10.0.0 -> av==12.3.0",), "make it", 9
)


def results(*, peer: bool = True) -> Results:
    names = [*([PEER] if peer else []), "float32"]
    run = Results([AUDIO, TEXTS_BESIDE], [ServerFigures(name, ready_s=4, rss_gib=4.5) for name in names])
    for name in names:
        for rate in (1.0, 1.2) if name == PEER else (1.2, 1.5):
            run.add(AUDIO, name, Sample(10 / rate, (100.0,) * 10, (2.0,)))
        run.add(TEXTS_BESIDE, name, Sample(10, (50.0, 3000.0), (2.0,)))
        run.cosines["audio", name] = 1.0
    return run


def test_the_page_has_ratios_with_their_targets_and_rates() -> None:
    page = render(results(), CONTEXT)
    assert "| audio x8 | 1.23 (1.20 to 1.25) | >= 1.3 |" in page
    assert "| audio x8 | 1.100 (1.000 to 1.200) | 1.350 (1.200 to 1.500) |" in page
    assert "| float32 | 3000 | 0.20 (0.20 to 0.20) |" in page


def test_the_page_tells_what_is_missing_by_how_much_and_why() -> None:
    page = render(results(), CONTEXT)
    line = next(line for line in page.splitlines() if line.startswith("- audio at float32"))
    assert "1.23 x, at least 1.3 x asked: 5.8 % short" in line
    assert "The peer computes 135 GFLOP/s" in line
    assert "176 of the same arithmetic, and float32 comes to 166" in line


def test_the_page_belongs_to_a_machine_and_a_day() -> None:
    page = render(results(), CONTEXT)
    assert "A CPU, 2 cores, 24 GiB, Linux 6.1" in page
    assert "2026-11-24" in page
    assert "torch 2.0.1; pins that cannot be had: av==10.0.0 -> av==12.3.0" in page


def test_without_the_peer_the_page_says_so_and_compares_nothing() -> None:
    page = render(results(peer=False), CONTEXT)
    assert page.splitlines()[2].startswith("**Without the peer:**")
    assert "None without the peer." in page
    assert "torch 2.0.1" not in page


def test_remarks_by_hand_are_kept() -> None:
    first = render(results(), CONTEXT)
    again = render(results(), CONTEXT, first + "\nBecause of the cache.\n")
    assert again.endswith(f"{REMARKS}\n\nBecause of the cache.\n")
    assert render(results(), CONTEXT, again) == again


def test_all_reached_is_said_too() -> None:
    run = results(peer=False)
    assert "Every figure that was measured is reached." in render(run, CONTEXT)
    run.add(AUDIO, "float32", Sample(1, (1.0,), (), failed=4))
    assert "- Requests that failed: audio x8 on float32: 4 failed." in render(run, CONTEXT)


def test_a_cell_and_a_table() -> None:
    assert format_spread(None) == "-"
    assert format_spread(Spread(1, 2, 3), 1) == "2.0 (1.0 to 3.0)"
    assert table(["a", "b"], [["1", "2"]]) == "| a | b |\n| --- | --- |\n| 1 | 2 |"
