"""The benchmark's way through Weaviate and the gate: the real ones, before the small model."""

from itertools import count
from pathlib import Path

from bind_bench.servers import ours
from bind_bench.servers.gateway import weaviate_before
from bind_bench.servers.process import running
from bind_bench.workload.clients import measure
from bind_bench.workload.scenarios import IMPORT, Scenario
from bind_local.paths import Paths
from bind_local.settings import Settings


def test_the_way_of_an_import_ends_at_a_vector(tmp_path: Path) -> None:
    scenario = Scenario(IMPORT, 2, 1, requests=20)
    paths = Paths(Settings().cache_folder())
    with (
        running(ours.tiny_launch_config(tmp_path)) as server,
        weaviate_before(server.port, paths) as weaviate,
    ):
        sample = measure(scenario, server.port, count(), tmp_path, 0, weaviate)
    assert len(sample.milliseconds) == 20
    assert sample.failed == 0
