"""A new operator brings a new default version of Weaviate, and takes no resource to it unasked."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from bind_operator.api.spec import Weaviate
from integration.apiserver import ApiServer
from integration.installation import ROOT
from integration.instance import Instance
from integration.operator_process import OperatorProcess
from support.resources import merged, tiny_resource
from support.waiting import eventually

CRD = ROOT / "manifests/crds.yaml"
BEFORE = "1.35.2"
DEFAULT = Weaviate().version


def define(apiserver: ApiServer, default: str) -> None:
    """Apply the definition with a default version of Weaviate, and wait until new resources get it."""
    definition = yaml.safe_load(CRD.read_text(encoding="utf-8"))
    for version in definition["spec"]["versions"]:
        spec = version["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
        assert spec["weaviate"]["properties"]["version"]["default"] == DEFAULT
        spec["weaviate"]["properties"]["version"]["default"] = default
    apiserver.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", manifest=definition)
    probe = tiny_resource("probe")

    def in_force() -> bool:
        made = apiserver.kubectl("create", "--dry-run=server", "-o", "json", "-f", "-", manifest=probe)
        return bool(json.loads(made)["spec"]["weaviate"]["version"] == default)

    eventually(f"{default} is the default", in_force)


@pytest.fixture
def _older_definition(apiserver: ApiServer) -> Iterator[None]:
    """Let the definition of an older operator be there, as long as the test does not upgrade it."""
    define(apiserver, BEFORE)
    yield
    define(apiserver, DEFAULT)


def version(apiserver: ApiServer, name: str) -> Any:
    return apiserver.get("bv", name)["spec"]["weaviate"]["version"]


@pytest.mark.usefixtures("_older_definition")
@pytest.mark.parametrize("how", [["apply"], ["apply", "--server-side"]], ids=" ".join)
def test_a_resource_without_a_version_keeps_the_one_that_it_was_made_with(
    apiserver: ApiServer, how: list[str]
) -> None:
    manifest = tiny_resource("stays")
    assert "weaviate" not in manifest["spec"]
    apiserver.kubectl(*how, "-f", "-", manifest=manifest)
    define(apiserver, DEFAULT)
    try:
        assert version(apiserver, "stays") == BEFORE
        apiserver.kubectl(*how, "-f", "-", manifest=merged(manifest, {"spec": {"suspend": True}}))
        assert version(apiserver, "stays") == BEFORE
    finally:
        apiserver.kubectl("delete", "bv", "stays")


@pytest.mark.usefixtures("_older_definition")
def test_a_resource_that_is_made_anew_without_a_version_does_not_leap(
    apiserver: ApiServer, operator: OperatorProcess, instance: Instance
) -> None:
    """`kubectl replace` writes the whole object, so that the new definition fills in its own default."""
    instance.apply()
    eventually("released", lambda: instance.condition("Released") == ("True", "Deployed"))

    def is_known() -> bool:
        instance.roll_out()
        return bool(instance.status().get("weaviate", {}).get("version") == BEFORE)

    eventually("known", is_known)
    define(apiserver, DEFAULT)
    instance.kubectl("replace", "-f", "-", manifest=instance.manifest())
    assert instance.get()["spec"]["weaviate"]["version"] == DEFAULT
    eventually("held", lambda: instance.condition() == ("False", "ChangeNeedsConsent"))
    assert f"over more than one minor version, from {BEFORE} to {DEFAULT}" in instance.message()
    assert instance.revisions() == {1: "deployed"}
    image = instance.get("statefulset", "-weaviate")["spec"]["template"]["spec"]["containers"][0]["image"]
    assert image.endswith(f":{BEFORE}")
