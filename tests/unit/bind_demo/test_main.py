"""The command as a user starts it; kubectl and Helm are scripts that write down how they were called."""

import io
import os
from pathlib import Path

import pytest

from bind_demo.__main__ import main

KUBECTL = """#!/bin/sh
echo "kubectl $*" >> "$CALLS"
case "$*" in
  "config current-context") echo prod ;;
  *"config view"*) echo https://prod.example.org:6443 ;;
  *"get deployment"*) ;;
  *) echo "the server is on fire" >&2; exit 1 ;;
esac
"""
HELM = """#!/bin/sh
echo "helm $*" >> "$CALLS"
echo "no such cluster" >&2
exit 1
"""


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of calls; nobody sits at the terminal."""
    for name, script in (("kubectl", KUBECTL), ("helm", HELM)):
        (tmp_path / name).write_text(script)
        (tmp_path / name).chmod(0o755)
    calls = tmp_path / "calls"
    calls.touch()
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("CALLS", str(calls))
    monkeypatch.setattr("sys.stdin", io.StringIO())
    return calls


def test_no_weaviate_is_a_message_and_a_remedy(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["search", "--http-port", "1"]) == 1
    printed = capsys.readouterr().out
    assert "error: no Weaviate answers at 127.0.0.1:1" in printed
    assert "\nto do: " in printed


@pytest.mark.parametrize("answer", ["", "n\n", "prod\n"])
def test_the_current_context_is_left_alone_unless_the_answer_is_yes(
    calls: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(answer))
    assert main(["--kube", "current"]) == 1
    printed = capsys.readouterr().out
    assert "into the context 'prod' (https://prod.example.org:6443)?" in printed
    assert "nothing was installed" in printed
    assert "helm" not in calls.read_text()


def test_after_a_yes_every_call_names_that_context(
    calls: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("yes\n"))
    assert main(["--kube", "current", "--registry", "registry.example.org/team"]) == 1
    assert "helm upgrade --install bind-operator failed: no such cluster" in capsys.readouterr().out
    helm = next(line for line in calls.read_text().splitlines() if line.startswith("helm"))
    assert "--kube-context prod" in helm
    assert "--set-string image.repository=team/bind-operator" in helm


def test_an_unknown_cluster_is_refused_with_the_choices(
    calls: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["--kube", "staging"])
    assert "choose from" in capsys.readouterr().err
    assert calls.read_text() == ""


def test_an_unknown_cluster_in_the_environment_is_refused_too(
    calls: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBE", "staging")
    assert main([]) == 1
    assert "wrong setting: KUBE: Input should be 'local' or 'current'" in capsys.readouterr().out
    assert calls.read_text() == ""


def test_an_interrupted_helm_of_the_users_cluster_is_left_to_the_user(
    calls: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("yes\n"))
    (tmp_path / "helm").write_text("#!/bin/sh\necho 'another operation is in progress' >&2\nexit 1\n")
    assert main(["--kube", "current"]) == 1
    printed = " ".join(capsys.readouterr().out.split())
    assert "delete secrets -n bind-system -l 'owner=helm,name=bind-operator,status in (pending-" in printed
    assert "delete secrets" not in calls.read_text()
