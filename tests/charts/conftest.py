"""Every chart, and every scenario of every chart's `ci` folder, as parameters `chart` and `scenario`."""

import pytest

from support.charts import CHARTS

NAMES = sorted(path.parent.name for path in CHARTS.glob("*/Chart.yaml"))
SCENARIOS = sorted(CHARTS.glob("*/ci/*-values.yaml"))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "scenario" in metafunc.fixturenames:
        ids = [f"{path.parents[1].name}-{path.stem.removesuffix('-values')}" for path in SCENARIOS]
        metafunc.parametrize("scenario", SCENARIOS, ids=ids)
    elif "chart" in metafunc.fixturenames:
        metafunc.parametrize("chart", NAMES)
