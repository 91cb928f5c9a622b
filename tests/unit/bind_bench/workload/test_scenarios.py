from bind_bench.workload.scenarios import MANY, full, most_clients, of_round, only, quick


def test_the_full_run_has_each_modality_alone_and_with_many() -> None:
    scenarios = {(scenario.kind, scenario.clients) for scenario in full(5, 8)}
    for kind in ("text", "image", "audio", "video", "thermal", "depth", "imu", "mixed"):
        assert {(kind, 1), (kind, MANY)} <= scenarios


def test_each_scenario_has_an_end() -> None:
    for scenario in [*full(5, 8), *quick(2, 4)]:
        assert (scenario.seconds > 0) != (scenario.requests > 0)


def test_slow_scenarios_are_in_the_first_rounds_only() -> None:
    scenarios = quick(2, 4)
    assert "video x2" in {scenario.name for scenario in of_round(scenarios, 0)}
    later = {scenario.name for scenario in of_round(scenarios, 1)}
    assert "video x2" not in later
    assert "text x8" in later
    assert of_round(scenarios, 2) == []


def test_scenarios_are_chosen_by_kind_or_by_name() -> None:
    scenarios = full(5, 8)
    assert {scenario.name for scenario in only(scenarios, ["text", "image x8"])} == {
        "text x1",
        "text x2",
        "text x8",
        "image x8",
    }
    assert only(scenarios, []) == scenarios
    assert only(scenarios, ["smell"]) == []


def test_the_scenario_with_most_clients() -> None:
    scenario = most_clients(full(5, 8), "text")
    assert scenario is not None
    assert scenario.clients == MANY
    assert most_clients([], "text") is None
