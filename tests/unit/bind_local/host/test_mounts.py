"""Which mounts of this machine lie below a folder."""

from pathlib import Path

from bind_local.host.mounts import mounts_below


def test_mounts_are_named_innermost_first_and_only_below_the_folder() -> None:
    table = """\
/dev/vda / ext4 rw 0 0
tmpfs /cache/bv/run tmpfs rw 0 0
overlay /cache/bv/run/a\\040b/rootfs overlay rw 0 0
tmpfs /cache/bvother tmpfs rw 0 0
"""
    assert mounts_below(Path("/cache/bv"), table) == ["/cache/bv/run/a b/rootfs", "/cache/bv/run"]
