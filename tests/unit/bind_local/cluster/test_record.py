"""The machine-wide record of a cluster."""

from pathlib import Path

import pytest

from bind_local.cluster import record
from bind_local.cluster.record import Record
from bind_local.host.processes import Identity


def test_what_was_written_is_read(tmp_path: Path) -> None:
    file = tmp_path / "run" / "cluster.json"
    begun = Record("/cache", "/checkout", "spec", sysctls={"/proc/sys/a": "1"}, folders=("/var/lib/cni",))
    begun.write(file)
    assert record.read(file) == begun
    running = begun.started(Identity(3, 30), Identity(4, 40))
    running.write(file)
    assert record.read(file) == running
    assert [p.name for p in file.parent.iterdir()] == ["cluster.json"]


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"cache": "/x"}', '{"starter": 1, "init": null, "folders": []}']
)
def test_a_record_that_cannot_be_understood_is_none(tmp_path: Path, text: str) -> None:
    file = tmp_path / "cluster.json"
    file.write_text(text)
    assert record.read(file) is None


def test_no_record_is_none(tmp_path: Path) -> None:
    assert record.read(tmp_path / "cluster.json") is None
