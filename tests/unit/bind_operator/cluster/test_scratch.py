"""The folder of temporary files, and those that a killed operator left."""

import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from bind_operator.cluster.scratch import scratch_folder

HOLDER = """
import sys, tempfile
tempfile.tempdir = sys.argv[1]
from bind_operator.cluster.scratch import scratch_folder
with scratch_folder() as folder:
    (folder / "helm-1").mkdir()
    print(folder, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary files go."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_it_goes_with_the_block(place: Path) -> None:
    with scratch_folder() as folder:
        (folder / "values.yaml").write_text("a: 1")
        assert list(place.iterdir()) == [folder]
    assert list(place.iterdir()) == []


def test_what_a_killed_operator_left_is_removed_and_a_living_ones_is_not(place: Path) -> None:
    (place / "somebody-else").mkdir()
    command = [sys.executable, "-c", HOLDER, str(place)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        theirs = Path(other.stdout.readline().strip())
        with scratch_folder():
            assert theirs.is_dir()
        other.kill()
    assert theirs.is_dir()
    with scratch_folder() as ours:
        assert {one.name for one in place.iterdir()} == {"somebody-else", ours.name}
