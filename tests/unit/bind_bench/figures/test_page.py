import dataclasses

import pytest

from bind_bench.errors import BenchError
from bind_bench.figures.page import RunContext, cut, format_spread, marks_of, render, table
from bind_bench.figures.results import PEER, Results, ServerFigures
from bind_bench.figures.stats import Spread
from bind_bench.machine import Machine
from bind_bench.workload.sample import Sample
from bind_bench.workload.scenarios import IMPORT, Scenario
from bind_local.paths import REPO

AUDIO = Scenario("audio", 8, 2, seconds=4)
TEXTS = Scenario("text", 2, 1, seconds=4)
IMAGES = Scenario("image", 8, 1, seconds=4)
TEXT = Scenario("text", 1, 1, seconds=4)
IMPORTS = Scenario(IMPORT, 8, 1, seconds=4)
TEXTS_BESIDE = Scenario("texts beside pictures", 2, 1, seconds=4)
MACHINE = Machine("A CPU", 2, 23.5, ("avx512f",), "6.1")
WITH_AMX = Machine("Another", 2, 23.5, ("avx512f", "amx_tile"), "6.1")
CONTEXT = RunContext(
    "2026-11-24", MACHINE, 0.1, "torch 2.15", "torch 2.0.1", ("av==10.0.0 -> av==12.3.0",), "make it", 9
)


def results(*, peer: bool = True) -> Results:
    names = [*([PEER] if peer else []), "float32"]
    scenarios = [AUDIO, TEXTS, IMAGES, TEXTS_BESIDE]
    run = Results(scenarios, [ServerFigures(name, ready_s=4, rss_gib=4.5) for name in names])
    for name in names:
        for rate in (1.0, 1.2) if name == PEER else (1.2, 1.5):
            run.add(AUDIO, name, Sample(10 / rate, (100.0,) * 10, (2.0,)))
        run.add(TEXTS, name, Sample(10, (40.0, 1000.0, 50.0, 50.0), (2.0,)))
        run.add(IMAGES, name, Sample(10, (500.0,) * 20, (2.0,)))
        run.add(TEXTS_BESIDE, name, Sample(10, (50.0, 3000.0), (2.0,), others=10))
        run.cosines["audio", name] = 1.0
    return run


def test_the_page_has_ratios_with_their_targets_and_rates() -> None:
    page = render(results(), CONTEXT)
    assert "| audio x8 | 1.23 (1.20 to 1.25) | >= 1.3 |" in page
    assert "| audio x8 | 1.100 (1.000 to 1.200) | 1.350 (1.200 to 1.500) |" in page
    assert "| texts beside pictures | float32 | 3000 | 3.0 x | 0.20 (0.20 to 0.20) | 100 % |" in page


def test_the_page_has_the_way_through_weaviate_and_what_memory_bounds() -> None:
    run = results()
    assert "through Weaviate" not in render(run, CONTEXT)
    run.scenarios += [TEXT, IMPORTS]
    run.read_gb_per_s = 50
    run.add(IMPORTS, "float32", Sample(10, (500.0,) * 19, (2.0,)))
    run.add(TEXT, "float32", Sample(1, (48.52,), (2.0,)))
    page = render(run, CONTEXT)
    assert "| float32 | 1.900 (1.900 to 1.900) | 0.95 (0.95 to 0.95) | >= 0.95 |" in page
    assert "25.0 GB/s at float32 (50 %)" in page
    assert page.count("pictures through Weaviate") == 0  # it is no modality, and has no row among them


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
    assert "\n\n**Without the peer:** `make bench-inference`" in page
    assert "None without the peer." in page
    assert "torch 2.0.1" not in page


def test_a_first_page_has_a_head_and_one_part() -> None:
    begin, end = marks_of(MACHINE)
    lines = render(results(), CONTEXT).splitlines()
    assert lines[:5] == ["# Benchmarks", "", begin, "", "## On a processor without AMX"]
    assert lines[-1] == end


def test_a_run_replaces_its_own_part_and_keeps_every_other_word() -> None:
    other = dataclasses.replace(CONTEXT, machine=WITH_AMX, date="2025-01-01")
    both = (
        render(results(), other, render(results(), CONTEXT) + "\nBecause of the cache.\n") + "\nOf tiles.\n"
    )
    later = dataclasses.replace(CONTEXT, date="2027-02-03")
    assert render(results(), later, both) == both.replace("2026-11-24", "2027-02-03")
    assert render(results(), dataclasses.replace(other, date="2028-03-04"), both) == both.replace(
        "2025-01-01", "2028-03-04"
    )
    assert (
        both.index("without AMX") < both.index("Because of") < both.index("with AMX") < both.index("Of til")
    )


@pytest.mark.parametrize("lost", [0, 1])
def test_a_page_that_lost_one_mark_is_refused_before_anything_is_lost(lost: int) -> None:
    page = render(results(), CONTEXT).replace(marks_of(MACHINE)[lost], "")
    with pytest.raises(BenchError, match="not both"):
        cut(page, MACHINE)
    assert cut(page, WITH_AMX)[0].startswith(page.rstrip())


@pytest.mark.parametrize("machine", [MACHINE, WITH_AMX], ids=["without AMX", "with AMX"])
def test_the_page_of_the_repository_has_a_part_that_a_run_replaces(machine: Machine) -> None:
    page = (REPO / "docs" / "benchmarks.md").read_text()
    before, after = cut(page, machine)
    assert page != before + after
    assert after.startswith("\n\n### Remarks on the run")


def test_all_reached_is_said_too() -> None:
    run = results(peer=False)
    assert "Every figure that was measured is reached." in render(run, CONTEXT)
    run.add(AUDIO, "float32", Sample(1, (1.0,), (), failed=4))
    assert "- Requests that failed: audio x8 on float32: 4 failed." in render(run, CONTEXT)


def test_a_cell_and_a_table() -> None:
    assert format_spread(None) == "-"
    assert format_spread(Spread(1, 2, 3), 1) == "2.0 (1.0 to 3.0)"
    assert table(["a", "b"], [["1", "2"]]) == "| a | b |\n| --- | --- |\n| 1 | 2 |"
