import pytest

from bind_bench.figures.results import PEER, Results, ServerFigures, measured_figures
from bind_bench.figures.targets import Figure
from bind_bench.workload.sample import Sample
from bind_bench.workload.scenarios import IMPORT, Scenario

TEXT = Scenario("text", 8, 2, seconds=4)


def sample(rate: float, *, meta_ms: float = 1, failed: int = 0) -> Sample:
    """Ten requests at a rate."""
    return Sample(10 / rate, (100.0,) * 10, (meta_ms,) * 10, failed)


def results(*precisions: str, peer: bool = True) -> Results:
    names = [*([PEER] if peer else []), *precisions]
    return Results([TEXT], [ServerFigures(name, ready_s=4, rss_gib=3) for name in names])


def by_name(found: list[Figure]) -> dict[str, Figure]:
    return {figure.what: figure for figure in found}


def test_a_ratio_is_the_median_of_the_rounds() -> None:
    run = results("float32")
    for ours, theirs in ((10, 2), (12, 2), (4, 1)):
        run.add(TEXT, "float32", sample(ours))
        run.add(TEXT, PEER, sample(theirs))
    figure = by_name(measured_figures(run))["text at float32"]
    assert figure.value == pytest.approx(5)
    assert figure.reached


def test_without_the_peer_there_is_no_ratio() -> None:
    run = results("float32", peer=False)
    run.add(TEXT, "float32", sample(10))
    assert set(by_name(measured_figures(run))) == {"RSS at float32", "/meta p99 at float32"}
    assert not run.has_peer


def test_each_precision_has_targets_of_its_own() -> None:
    run = results("float32", "bfloat16")
    for name, rate in ((PEER, 2), ("float32", 11), ("bfloat16", 11)):
        run.add(TEXT, name, sample(rate))
    found = by_name(measured_figures(run))
    assert found["text at float32"].reached
    assert not found["text at bfloat16"].reached  # 5.5 x, and 12 x is asked
    assert found["RSS at float32"].reached
    assert not found["RSS at bfloat16"].reached  # 3 GiB, and 2.8 is asked
    assert found["ready at bfloat16"].reached
    assert "ready at float32" not in found


def test_targets_are_held_against_the_scenario_with_most_clients() -> None:
    alone = Scenario("text", 1, 1, seconds=4)
    run = results("float32")
    run.scenarios.insert(0, alone)
    for name, rate in ((PEER, 2), ("float32", 4)):
        run.add(TEXT, name, sample(rate))
    for name, rate in ((PEER, 2), ("float32", 20)):
        run.add(alone, name, sample(rate))
    assert by_name(measured_figures(run))["text at float32"].value == pytest.approx(2)


def test_one_slow_meta_in_a_hundred_is_the_p99() -> None:
    run = results("float32")
    run.add(TEXT, "float32", Sample(1, (1.0,), (1.0,) * 97 + (80.0,) * 3))
    figure = by_name(measured_figures(run))["/meta p99 at float32"]
    assert figure.value == 80
    assert not figure.reached


def test_the_cost_is_judged_once_measured() -> None:
    run = results("float32")
    run.cost_ms = [1.4, 1.6, 1.7]
    assert not by_name(measured_figures(run))["CPU of a text with Tiny"].reached


def test_what_is_missing_is_named_in_one_sentence() -> None:
    short = Figure("audio at float32", 1.2, 1.5, "x", at_least=True)
    assert short.sentence == "audio at float32: 1.20 x, at least 1.5 x asked: 20.0 % short"
    over = Figure("RSS at int8", 2.7, 1.8, "GiB", at_least=False)
    assert over.sentence == "RSS at int8: 2.70 GiB, at most 1.8 GiB asked: 50.0 % over"


def test_failed_requests_are_reported_and_make_no_speed() -> None:
    run = results("float32")
    run.add(TEXT, "float32", sample(10, failed=2))
    run.add(TEXT, "float32", sample(10, failed=1))
    assert run.failures() == ["text x8 on float32: 3 failed"]
    assert run.rates(TEXT, "float32") == pytest.approx([10, 10])


@pytest.mark.parametrize(
    ("texts", "p99_ms", "others", "is_reached"), [(5, 290, 15, True), (4, 310, 14, False)]
)
def test_texts_beside_pictures_are_held_against_texts_alone(
    texts: int, p99_ms: float, others: int, is_reached: bool
) -> None:
    alone = Scenario("text", 2, 1, seconds=4)
    pictures, beside = Scenario("image", 8, 1, seconds=4), Scenario("texts beside pictures", 2, 1, seconds=4)
    run = results("float32", peer=False)
    run.scenarios = [alone, pictures, beside]
    run.add(alone, "float32", Sample(1, (100.0,) * 20, ()))
    run.add(pictures, "float32", Sample(1, (100.0,) * 20, ()))
    run.add(beside, "float32", Sample(1, (p99_ms,) * texts, (), others=others))
    found = by_name(measured_figures(run))
    assert found["p99 of texts beside pictures at float32, to alone"].reached is is_reached
    kept = found["work kept by texts beside pictures at float32"]
    assert kept.value == pytest.approx(100 * (texts + others) / 20)
    assert kept.reached is is_reached


def test_without_texts_alone_nothing_is_said_of_those_beside() -> None:
    beside = Scenario("texts beside videos", 2, 1, seconds=4)
    run = results("float32", peer=False)
    run.scenarios = [beside]
    run.add(beside, "float32", Sample(1, (100.0,), ()))
    assert not [name for name in by_name(measured_figures(run)) if "beside" in name]


@pytest.mark.parametrize(("through", "is_reached"), [(9.6, True), (9.4, False)])
def test_an_import_is_held_against_the_server_alone_in_the_same_round(
    through: float, is_reached: bool
) -> None:
    pictures, imports = Scenario("image", 8, 2, seconds=4), Scenario(IMPORT, 8, 2, seconds=4)
    run = results("float32")
    run.scenarios = [pictures, imports]
    for factor in (1, 2):  # the machine is twice as fast in the second round
        run.add(pictures, "float32", sample(10 * factor))
        run.add(imports, "float32", sample(through * factor))
    figure = by_name(measured_figures(run))["import of pictures by Weaviate at float32, to the server's own"]
    assert figure.value == pytest.approx(10 * through)
    assert figure.reached is is_reached


def test_an_import_without_the_servers_own_rate_is_held_against_nothing() -> None:
    imports = Scenario(IMPORT, 8, 2, seconds=4)
    run = results("float32")
    run.scenarios = [imports, Scenario("image", 1, 2, seconds=4)]
    run.add(imports, "float32", sample(10))
    assert run.import_kept("float32") is None


def test_a_text_alone_reads_its_weights_once() -> None:
    alone = Scenario("text", 1, 1, seconds=4)
    run = results("float32", "bfloat16")
    run.scenarios = [alone]
    run.add(alone, "float32", Sample(1, (40.0, 50.0, 900.0), ()))
    assert run.text_read_gb_per_s("float32") == pytest.approx(1.213 / 0.05)
    assert run.text_read_gb_per_s("bfloat16") is None
    assert run.text_read_gb_per_s(PEER) is None
