"""The command line: a wrong word is named, with what to choose instead."""

from pathlib import Path

import pytest

from bind_local.cli import main
from bind_local.paths import Paths


@pytest.mark.parametrize(
    ("argv", "message", "remedy"),
    [
        (["binaries", "kubernetes", "docker"], "no module docker", "kubernetes, containerd"),
        (["path", "docker"], "no program 'docker'", "kube-apiserver"),
        (["path", "kubectl"], "kubectl is not built", "make binaries"),
        (
            ["images", "--registry", "https://registry.example.org"],
            "REGISTRY='https://",
            "registry.example.org/team",
        ),
    ],
)
def test_a_mistake_is_named_with_its_remedy(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], argv: list[str], message: str, remedy: str
) -> None:
    assert main(argv, Paths(tmp_path)) == 1
    shown = capsys.readouterr()
    assert message in shown.err.splitlines()[1]
    assert "to do: " in shown.err
    assert remedy in shown.err
    assert list(tmp_path.iterdir()) == []


def test_the_kubeconfig_is_the_cluster_s_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["kubeconfig"], Paths(tmp_path)) == 0
    assert capsys.readouterr().out == f"{tmp_path}/cluster/kubeconfig\n"


def test_an_unknown_command_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as raised:
        main(["upp"], Paths(tmp_path))
    assert raised.value.code == 2
    assert "invalid choice: 'upp'" in capsys.readouterr().err
