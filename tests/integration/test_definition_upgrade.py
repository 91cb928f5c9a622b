"""The definition is upgraded under resources that are there: none loses a field, and each can be changed."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from bind_operator.api.parse import parse_stored
from integration.apiserver import ApiServer
from integration.installation import ROOT
from integration.operator_process import OperatorProcess
from support.waiting import eventually

EARLIER = Path(__file__).parents[1] / "support" / "earlier"
SAMPLES: dict[str, Any] = {
    sample["metadata"]["name"]: sample
    for sample in yaml.safe_load_all((EARLIER / "samples.yaml").read_text(encoding="utf-8"))
}
NAMESPACE = "upgraded"


def define(apiserver: ApiServer, file: Path) -> None:
    apiserver.kubectl("apply", "--server-side", "--force-conflicts", "-f", str(file))


def is_newer(apiserver: ApiServer) -> bool:
    """Say whether the definition in force is the newer one."""
    explained = apiserver.kubectl("explain", "bv.spec.weaviate", check=False)
    return "restoreFrom" in explained


@pytest.fixture(scope="module")
def stored(apiserver: ApiServer, shared_operator: OperatorProcess) -> Iterator[dict[str, Any]]:
    """The samples as the earlier definition stored them; the newer one is in force then.

    No operator runs meanwhile, which would install them all.
    """
    shared_operator.stop()
    define(apiserver, EARLIER / "crds.yaml")
    try:
        eventually("the earlier one is in force", lambda: not is_newer(apiserver), within_s=30)
        apiserver.kubectl("create", "namespace", NAMESPACE)
        for sample in SAMPLES.values():
            apiserver.kubectl("create", "-n", NAMESPACE, "-f", "-", manifest=sample)
        before = {one["metadata"]["name"]: one for one in apiserver.get("bv", namespace=NAMESPACE)}
    finally:
        define(apiserver, ROOT / "manifests/crds.yaml")
    eventually("the newer one is in force", lambda: is_newer(apiserver), within_s=30)
    yield before
    apiserver.kubectl("delete", "bv", "--all", "-n", NAMESPACE)


def left_out(before: Any, after: Any, path: str = "spec") -> Iterator[str]:
    """Yield what of `before` is not in `after`, or is another value there."""
    if isinstance(before, dict) and isinstance(after, dict):
        for name, value in before.items():
            yield from left_out(value, after.get(name), f"{path}.{name}")
    elif before != after:
        yield f"{path} was {json.dumps(before)} and is {json.dumps(after)}"


@pytest.mark.parametrize("name", SAMPLES)
def test_a_stored_resource_keeps_its_fields_and_can_be_changed(
    apiserver: ApiServer, stored: dict[str, Any], name: str
) -> None:
    after = apiserver.get("bv", name, namespace=NAMESPACE)
    assert list(left_out(stored[name]["spec"], after["spec"])) == []
    parse_stored(after)
    patch = '{"spec":{"suspend":true}}'
    apiserver.kubectl("patch", "bv", name, "-n", NAMESPACE, "--type=merge", "-p", patch)
    changed = apiserver.get("bv", name, namespace=NAMESPACE)
    assert list(left_out(stored[name]["spec"] | {"suspend": True}, changed["spec"])) == []
