"""The finalizer strands nobody: a namespace, a definition or the operator itself may go at any time."""

import itertools
import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from integration.apiserver import ApiServer, write_kubeconfig
from integration.conftest import NAMESPACED_TOKEN
from integration.controllers import running_controllers
from integration.installation import ROOT
from integration.instance import Instance
from integration.operator_process import OperatorProcess
from support.resources import Manifest
from support.tools import binary
from support.waiting import eventually

CRD = "bindvectorizers.bindvectorizer.dev"
UNINSTALL_PAGE = ROOT / "docs/how-to/uninstall.md"
RIGHTS = ("ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding")

_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def namespace_controller(apiserver: ApiServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The controller that empties a namespace which is being deleted, in an order of its own."""
    folder = tmp_path_factory.mktemp("controllers")
    with running_controllers(apiserver.kubeconfig, folder, "namespace-controller"):
        yield


@pytest.fixture
def doomed(apiserver: ApiServer) -> Iterator[Instance]:
    """A resource in a namespace that the test deletes."""
    namespace = f"doomed-{next(_numbers)}"
    apiserver.kubectl("create", "namespace", namespace)
    yield Instance(apiserver, "search", namespace)
    apiserver.kubectl("delete", "bv", "--all", "-n", namespace, "--wait=false", check=False)


def installed(instance: Instance) -> None:
    instance.apply()
    eventually("released", lambda: instance.condition("Released") == ("True", "Deployed"))


def delete_namespace(instance: Instance) -> None:
    instance.server.kubectl("delete", "namespace", instance.namespace, "--wait=false")


def is_gone(instance: Instance) -> bool:
    return instance.server.get("namespace", instance.namespace) is None


@pytest.mark.usefixtures("namespace_controller")
def test_a_namespace_goes_with_its_resource(operator: OperatorProcess, doomed: Instance) -> None:
    installed(doomed)
    delete_namespace(doomed)
    eventually("gone", lambda: is_gone(doomed), within_s=60)


def rights_in(apiserver: ApiServer, namespace: str, *more: str) -> list[Manifest]:
    """Apply the rights that the chart gives an operator of one namespace, and return them."""
    rendered = subprocess.run(
        [
            *(str(binary("helm")), "template", "only", str(ROOT / "charts/bind-operator")),
            *("--namespace=bind-system", f"--set=watchNamespaces={{{namespace}}}"),
            *("--set=serviceAccount.name=bind-operator-namespaced", *more),
        ],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    objects = [item for item in yaml.safe_load_all(rendered) if item and item["kind"] in RIGHTS]
    for item in objects:
        apiserver.kubectl("apply", "-f", "-", manifest=item)
    return objects


@pytest.fixture
def namespaced_operator(
    apiserver: ApiServer, shared_operator: OperatorProcess, doomed: Instance, tmp_path: Path
) -> Iterator[OperatorProcess]:
    """An operator that has rights in one namespace, as the chart gives them."""
    shared_operator.stop()
    rights = rights_in(apiserver, doomed.namespace)
    path = tmp_path / "kubeconfig"
    write_kubeconfig(path, apiserver.url, NAMESPACED_TOKEN)
    settings = {"WATCH_NAMESPACES": f'["{doomed.namespace}"]', "RESYNC_S": "2"}
    process = OperatorProcess(path, tmp_path, settings)
    process.start()
    yield process
    process.stop()
    for item in rights:
        if item["kind"].startswith("Cluster"):
            apiserver.kubectl("delete", str(item["kind"]), item["metadata"]["name"], "--ignore-not-found")


@pytest.mark.long
@pytest.mark.usefixtures("namespace_controller")
def test_the_only_watched_namespace_goes_with_its_resource(
    namespaced_operator: OperatorProcess, doomed: Instance
) -> None:
    """The operator's Role and RoleBinding go with it, often before the resource is seen to be deleted."""
    installed(doomed)
    delete_namespace(doomed)
    eventually("gone", lambda: is_gone(doomed), within_s=60)
    assert "bug in the reconciler" not in namespaced_operator.log()


@pytest.mark.long
@pytest.mark.usefixtures("namespace_controller")
def test_a_namespace_that_went_while_the_operator_was_down(
    namespaced_operator: OperatorProcess, doomed: Instance
) -> None:
    """The new operator has no right in the namespace left but the one to let the resource go."""
    installed(doomed)
    namespaced_operator.stop()
    delete_namespace(doomed)
    bindings = ("rolebinding", "only")
    eventually("no rights", lambda: doomed.server.get(*bindings, namespace=doomed.namespace) is None)
    namespaced_operator.start()
    eventually("gone", lambda: is_gone(doomed), within_s=60)


@pytest.mark.long
def test_the_operator_of_one_namespace_changes_nothing_elsewhere(
    namespaced_operator: OperatorProcess, instance: Instance, doomed: Instance
) -> None:
    installed(doomed)
    instance.apply()
    instance.server.kubectl("delete", "bv", instance.name, "-n", instance.namespace, "--wait=false")
    eventually("gone at once, without a finalizer", lambda: instance.get() is None)


def commands_of(section: str) -> str:
    """Return the shell commands under a heading of the page on how to uninstall."""
    text = UNINSTALL_PAGE.read_text(encoding="utf-8")
    assert section in text, section
    part = text.split(section, 1)[1]
    block = re.search(r"```sh\n(.*?)```", part, re.S)
    assert block is not None, section
    return block.group(1)


def run_as_documented(apiserver: ApiServer, section: str, tmp_path: Path, *, only: str = "kubectl") -> None:
    """Run the lines of a section that begin with `only`, exactly as they stand on the page."""
    for name in ("kubectl", "helm"):
        link = tmp_path / name
        if not link.exists():
            link.symlink_to(binary(name))
    lines = [line for line in commands_of(section).splitlines() if line.startswith(only)]
    assert lines, section
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin", "HOME": str(tmp_path)}
    environment |= {"KUBECONFIG": str(apiserver.kubeconfig)}
    for line in lines:
        done = subprocess.run(
            ["bash", "-c", line], env=environment, capture_output=True, text=True, check=False, timeout=60
        )
        assert done.returncode == 0, (line, done.stderr)


@pytest.mark.usefixtures("namespace_controller")
def test_without_an_operator_the_documented_line_frees_everybody(
    apiserver: ApiServer, operator: OperatorProcess, doomed: Instance, tmp_path: Path
) -> None:
    installed(doomed)
    other = Instance(apiserver, "other", doomed.namespace)
    installed(other)
    operator.stop()
    delete_namespace(doomed)
    eventually("deleted", lambda: "deletionTimestamp" in doomed.get()["metadata"])
    eventually("deleted", lambda: "deletionTimestamp" in other.get()["metadata"])
    run_as_documented(apiserver, "**The operator is gone for good.**", tmp_path)
    eventually("gone", lambda: is_gone(doomed), within_s=60)


def test_the_documented_line_leaves_those_alone_that_nobody_deleted(
    apiserver: ApiServer, operator: OperatorProcess, instance: Instance, tmp_path: Path
) -> None:
    installed(instance)
    operator.stop()
    run_as_documented(apiserver, "**The operator is gone for good.**", tmp_path)
    assert instance.get()["metadata"]["finalizers"] == ["bindvectorizer.dev/finalizer"]


@pytest.fixture
def own_crd(apiserver: ApiServer) -> Iterator[None]:
    """The definition, which is there again afterwards."""
    yield
    apiserver.kubectl("apply", "--server-side", "--force-conflicts", "-f", str(ROOT / "manifests/crds.yaml"))
    eventually("served", lambda: "No resources" in apiserver.kubectl("get", "bv", check=False))


@pytest.mark.long
@pytest.mark.usefixtures("own_crd")
@pytest.mark.parametrize("is_running", [True, False], ids=["operator runs", "operator was down"])
def test_the_definition_goes_with_its_resources(
    apiserver: ApiServer, operator: OperatorProcess, instance: Instance, *, is_running: bool
) -> None:
    """All resources are finished first; what an operator that was down missed, it does when it is back."""
    installed(instance)
    if not is_running:
        operator.stop()
    apiserver.kubectl("delete", "crd", CRD, "--wait=false")
    if not is_running:
        eventually("deleted", lambda: "deletionTimestamp" in instance.get()["metadata"])
        operator.start()
    eventually("gone", lambda: apiserver.get("crd", CRD) is None, within_s=60)
    assert instance.revisions() == {}
    assert instance.get("statefulset", "-weaviate") is None
    # kopf does not watch a definition that came back: the next test gets an operator that does.
    operator.stop()


@pytest.mark.usefixtures("own_crd")
def test_a_resource_that_a_newer_definition_would_refuse_can_go(
    apiserver: ApiServer, operator: OperatorProcess, instance: Instance
) -> None:
    """Each removal of a finalizer is a write of an object that breaks a rule by now."""
    path = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/inference/properties/extraEnv"
    older = json.dumps([{"op": "remove", "path": f"{path}/x-kubernetes-validations"}])
    apiserver.kubectl("patch", "crd", CRD, "--type=json", "-p", older)
    twice = {"spec": {"inference": {"extraEnv": [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]}}}

    def is_taken() -> bool:
        manifest = instance.manifest(twice)
        said = apiserver.kubectl("create", "--dry-run=server", "-f", "-", manifest=manifest, check=False)
        return "created" in said

    eventually("the rule is gone", is_taken)
    installed(instance)
    apiserver.kubectl("replace", "-f", "-", manifest=instance.manifest(twice))
    eventually("told", lambda: instance.condition("Stalled") == ("True", "InvalidSpec"))
    newer = str(ROOT / "manifests/crds.yaml")
    apiserver.kubectl("apply", "--server-side", "--force-conflicts", "-f", newer)
    eventually("the rule is back", lambda: not is_taken())
    instance.delete(wait_s=30)
    assert instance.revisions() == {}
