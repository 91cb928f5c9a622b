from pathlib import Path

import pytest

from bind_bench.errors import BenchError
from bind_bench.servers import peer


def test_a_folder_that_is_no_checkout_is_refused(tmp_path: Path) -> None:
    (tmp_path / "app.py").touch()
    with pytest.raises(BenchError, match=r"lacks bind\.py, requirements\.txt") as caught:
        peer.check(tmp_path)
    assert "PEER" in caught.value.remedy


def test_pins_that_cannot_be_had_give_way_and_are_named() -> None:
    pins, changed = peer.relax("torch==2.0.1\nav==10.0.0\n# av==10.0.0\n")
    assert pins == "torch==2.0.1\nav==12.3.0\n# av==10.0.0\n"
    assert changed == ("av==10.0.0 -> av==12.3.0",)


def test_the_peer_works_in_a_scratch_folder(tmp_path: Path) -> None:
    home = peer.PeerHome(tmp_path / "python", ())
    checkout, weights = tmp_path / "checkout", tmp_path / "weights.pth"
    checkout.mkdir()
    weights.touch()
    found = peer.launch_config(checkout, home, tmp_path / "bench", weights)
    assert not found.cwd.is_relative_to(checkout)
    assert (found.cwd / ".checkpoints" / "imagebind_huge.pth").resolve() == weights
    assert found.env["PYTHONDONTWRITEBYTECODE"] == "1"
    assert list(checkout.iterdir()) == []
