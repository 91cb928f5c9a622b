import os
import subprocess
import sys
from pathlib import Path

from bind_bench.servers.usage import usage_of


def stat(pid: int, parent: int, *, user: int, system: int) -> str:
    fields = ["S", str(parent), *["0"] * 9, str(user), str(system), *["0"] * 6, "1"]
    return f"{pid} (a name) {' '.join(fields)}"


def test_children_and_theirs_are_counted(tmp_path: Path) -> None:
    ticks = os.sysconf("SC_CLK_TCK")
    for pid, parent in ((10, 1), (11, 10), (12, 11), (99, 1)):
        (tmp_path / str(pid)).mkdir()
        (tmp_path / str(pid) / "stat").write_text(stat(pid, parent, user=ticks, system=ticks))
        (tmp_path / str(pid) / "smaps_rollup").write_text("55-77 ---p [rollup]\nRss: 90 kB\nPss: 20 kB\n")
    found = usage_of(10, tmp_path)
    assert found.rss_bytes == 3 * 20 * 1024
    assert found.cpu_s == 6


def test_a_real_process() -> None:
    code = "import sys; x = bytearray(50_000_000); print(flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        found = usage_of(process.pid)
        process.communicate(b"")
    assert 50_000_000 < found.rss_bytes < 100_000_000
    assert 0 < found.cpu_s < 10
    assert usage_of(process.pid).rss_bytes == 0
