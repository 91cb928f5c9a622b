"""What containerd has recorded of an earlier cluster is removed, or the start fails with what it keeps."""

from pathlib import Path

import pytest

from bind_local.node.stale_pods import listed, remove

TABLE = """\
ID                                                               CREATED AT           LABELS
c330207f6326179d48574e2c41d243b0c9da4181df0885556fca198b5ea5e658 2026-11-25T13:47:59Z -
4393e8e61fbf2ce8d02d8bdf1511c5c275d09208ea2478a554d87a3da5d729fe 2026-11-25T13:47:59Z -
"""


def test_names_are_below_the_heading() -> None:
    assert [name[:4] for name in listed(TABLE)] == ["c330", "4393"]
    assert listed("ID CREATED AT LABELS \n") == listed("") == []


@pytest.fixture
def ctr(tmp_path: Path) -> str:
    """A `ctr` with two leases; it removes what is named but $KEEP, and always says that all went well."""
    (tmp_path / "leases").write_text(TABLE)
    program = tmp_path / "ctr"
    program.write_text(f"""\
#!/bin/sh
cd {tmp_path}
case "$2" in
list) cat leases ;;
delete) shift 2; for name; do [ "$name" = "$KEEP" ] || sed -i "/^$name/d" leases; done ;;
esac
""")
    program.chmod(0o755)
    return str(program)


def test_all_are_removed(ctr: str, capsys: pytest.CaptureFixture[str]) -> None:
    remove([ctr], "leases")
    assert listed((Path(ctr).parent / "leases").read_text()) == []
    assert capsys.readouterr().out == "removed 2 leases\n"


def test_one_that_stays_ends_the_start(ctr: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEEP", listed(TABLE)[1])
    with pytest.raises(SystemExit, match="containerd keeps 1 leases"):
        remove([ctr], "leases")
