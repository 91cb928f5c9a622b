"""Argo CD's own command finds the health of a resource by our script, in each state that it can be in."""

import json
from pathlib import Path

import pytest

from support.gitops_health import STATES, State

from .processes import health


@pytest.mark.parametrize("state", STATES.values(), ids=STATES)
def test_argocd_judges_each_state(state: State, tmp_path: Path) -> None:
    file = tmp_path / "resource.yaml"
    file.write_text(json.dumps(state.resource), encoding="utf-8")
    status, message = health(file, tmp_path)
    assert status == state.argocd
    if status == "Degraded":
        reasons = {reason for _, _, reason in state.conditions or ()}
        assert message.partition(": ")[0] in reasons
        assert message.endswith("some words")
