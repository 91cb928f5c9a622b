"""The expressions by which Flux judges a resource, in each state that it can be in."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from cel_expr_python import cel

from support.gitops_health import STATES, State

ROOT = Path(__file__).parents[3]
SEARCH = yaml.safe_load((ROOT / "manifests/gitops/flux/search.yaml").read_text(encoding="utf-8"))
(CHECK,) = SEARCH["spec"]["healthCheckExprs"]
ORDER = {"inProgress": "InProgress", "failed": "Failed", "current": "Current"}
"""Flux asks in this order; what none holds for is in progress."""


def judged(resource: dict[str, Any]) -> str:
    """Return what Flux calls a resource, as its documentation has it."""
    status = resource.get("status", {})
    if status.get("observedGeneration", 3) != resource["metadata"]["generation"]:
        return "InProgress"
    environment = cel.NewEnv(variables={"status": cel.Type.DYN})
    for name, called in ORDER.items():
        # Where the object has no status, Flux has no such variable, and waits.
        if "status" not in resource:
            return "Unknown"
        if environment.compile(CHECK[name]).eval(data={"status": status}).value() is True:
            return called
    return "InProgress"


@pytest.mark.parametrize("state", STATES.values(), ids=STATES)
def test_flux_judges_each_state(state: State) -> None:
    assert judged(state.resource) == state.flux


def test_it_is_of_our_kind() -> None:
    resource = STATES["ready"].resource
    assert (CHECK["apiVersion"], CHECK["kind"]) == (resource["apiVersion"], resource["kind"])
