"""The real kustomize makes objects of manifests/, which a real API server takes."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from bind_operator.api.crd import build_crd
from integration.apiserver import ApiServer
from integration.operator_process import ROOT
from support.charts import helm

MANIFESTS = ROOT / "manifests"
PAGE = (ROOT / "docs/how-to/kustomize.md").read_text(encoding="utf-8")
OVERLAYS = sorted(path.parent for path in MANIFESTS.glob("*/*/kustomization.yaml"))
REFERENCES = yaml.safe_load((MANIFESTS / "bases/search/references.yaml").read_text(encoding="utf-8"))
PATHS = {(one["kind"], field["path"]) for one in REFERENCES["nameReference"] for field in one["fieldSpecs"]}
GENERATED = ("Secret", "ConfigMap")
NO_OBJECTS = {
    # The names of entries in an object that another field names.
    "spec/inference/extraEnv/valueFrom/configMapKeyRef/key",
    "spec/inference/extraEnv/valueFrom/secretKeyRef/key",
    "spec/weaviate/authentication/apiKeys/entries/entry",
    # Texts about such an object.
    "spec/inference/model/weights/existingClaim/path",
    "spec/weaviate/authentication/apiKeys/revision",
    "spec/weaviate/backup/azure/account",
    # A claim of a token.
    "spec/weaviate/authentication/oidc/groupsClaim",
    "spec/weaviate/authentication/oidc/usernameClaim",
    # A name within the pod, claims of devices, which nobody makes by kustomize, and a pull secret's image.
    "spec/gpu/resourceClaims/name",
    "spec/gpu/resourceClaims/request",
    "spec/gpu/resourceClaims/resourceClaimName",
    "spec/gpu/resourceClaims/resourceClaimTemplateName",
    "spec/inference/model/weights/image/reference",
    "spec/inference/serviceAccount/annotations",
    "spec/weaviate/serviceAccount/annotations",
}
ABOUT_OBJECTS = re.compile(r"secret|configmap|claim|service ?account", re.IGNORECASE)


def kustomize(apiserver: ApiServer, folder: Path) -> list[dict[str, Any]]:
    """Return the objects that kubectl's kustomize makes of a folder."""
    return list(yaml.safe_load_all(apiserver.kubectl("kustomize", str(folder))))


@pytest.mark.parametrize("folder", OVERLAYS, ids=lambda path: str(path.relative_to(MANIFESTS)))
def test_what_it_makes_is_taken_by_the_api_server(apiserver: ApiServer, folder: Path, tmp_path: Path) -> None:
    if folder.parent.name == "components":
        # A component is nothing by itself: it stands beside the operator.
        whole = {"resources": [_relative(MANIFESTS, tmp_path)], "components": [_relative(folder, tmp_path)]}
        (tmp_path / "kustomization.yaml").write_text(yaml.safe_dump(whole), encoding="utf-8")
        folder = tmp_path
        apiserver.kubectl("apply", "-f", "-", manifest=_namespace("bind-system"))
    apiserver.kubectl("apply", "--server-side", "--dry-run=server", "--force-conflicts", "-k", str(folder))


def test_the_operator_is_the_install_manifest(apiserver: ApiServer) -> None:
    plain = yaml.safe_load_all((MANIFESTS / "install.yaml").read_text(encoding="utf-8"))
    assert _named(kustomize(apiserver, MANIFESTS)) == _named(plain)


def test_the_component_gives_the_operator_what_the_chart_does_for_two_pods(
    apiserver: ApiServer, tmp_path: Path
) -> None:
    whole = {
        "resources": [_relative(MANIFESTS, tmp_path)],
        "components": [_relative(MANIFESTS / "components/ha", tmp_path)],
    }
    (tmp_path / "kustomization.yaml").write_text(yaml.safe_dump(whole), encoding="utf-8")
    made = _named(kustomize(apiserver, tmp_path))
    chart = str(ROOT / "charts/bind-operator")
    done = helm("template", "bind-operator", chart, "-n", "bind-system", "--set", "replicas=2")
    wanted = _named(yaml.safe_load_all(done.stdout))
    deployment, budget = ("Deployment", "bind-operator"), ("PodDisruptionBudget", "bind-operator")
    assert made[deployment]["spec"] == wanted[deployment]["spec"]
    assert made[budget]["spec"] == wanted[budget]["spec"]


def test_a_generated_name_is_followed_to_every_field_that_bears_it(
    apiserver: ApiServer, tmp_path: Path
) -> None:
    """The hash in the name of a generated Secret changes with its content, and so must what names it."""
    resource = _resource({path: "named" for kind, path in PATHS if kind in GENERATED})
    generator = [{"name": "named", "literals": ["a=b"]}]
    patch = {"target": {"kind": "BindVectorizer"}, "patch": yaml.safe_dump(resource)}
    whole = {
        "resources": [_relative(MANIFESTS / "bases/search", tmp_path)],
        "secretGenerator": generator,
        "patches": [patch],
        "namePrefix": "my-",
    }
    for kind, other in (("secretGenerator", "configMapGenerator"), ("configMapGenerator", "secretGenerator")):
        whole.pop(other, None)
        whole[kind] = generator
        (tmp_path / "kustomization.yaml").write_text(yaml.safe_dump(whole), encoding="utf-8")
        objects = kustomize(apiserver, tmp_path)
        (made,) = [one["metadata"]["name"] for one in objects if one["kind"] != "BindVectorizer"]
        (bv,) = [one for one in objects if one["kind"] == "BindVectorizer"]
        assert re.fullmatch(r"my-named-[0-9a-z]{10}", made)
        wanted = "Secret" if kind == "secretGenerator" else "ConfigMap"
        for path in sorted(path for of, path in PATHS if of == wanted):
            assert _value(bv, path) == made, path


def test_every_field_that_names_an_object_is_known_to_kustomize() -> None:
    schema = build_crd()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    known = {path for _, path in PATHS} | NO_OBJECTS
    found = {path for path, text in _texts(schema, "spec") if ABOUT_OBJECTS.search(f"{path} {text}")}
    assert sorted(found - known) == []
    # And no path is left over of a field that is gone; what is in a pod's own spec is not in the definition.
    mine = {path for _, path in PATHS if "/extraVolumes/" not in path}
    assert sorted(mine - {path for path, _ in _texts(schema, "spec")}) == []


def _texts(schema: Mapping[str, Any], path: str) -> Iterator[tuple[str, str]]:
    """Yield each field whose values are texts, or lists or maps of them, with its description."""
    if schema.get("type") == "string" and "enum" not in schema:
        yield path, schema.get("description", "")
    for name, field in schema.get("properties", {}).items():
        for found, text in _texts(field, f"{path}/{name}"):
            yield found, text or field.get("description", "")
    for inner in (schema.get("items"), schema.get("additionalProperties")):
        if isinstance(inner, Mapping):
            yield from _texts(inner, path)


LISTS = ("valuesFrom", "extraEnv", "extraVolumes", "sources", "pullSecrets", "modules")


def _resource(fields: Mapping[str, str]) -> dict[str, Any]:
    """Return a resource in which each of these paths has that value."""
    made: dict[str, Any] = {
        "apiVersion": "bindvectorizer.dev/v1alpha1",
        "kind": "BindVectorizer",
        "metadata": {"name": "search"},
    }
    for path, value in sorted(fields.items()):
        *parts, last = path.split("/")
        node: Any = made
        for part in parts:
            node = node.setdefault(part, [{}] if part in LISTS else {})
            node = node[0] if isinstance(node, list) else node
        node[last] = [value] if last in LISTS else value
    return made


def _value(resource: Any, path: str) -> Any:
    """Return the only value at a path; lists hold one item."""
    for part in path.split("/"):
        resource = resource[0] if isinstance(resource, list) else resource
        resource = resource[part]
    return resource[0] if isinstance(resource, list) else resource


def _named(objects: Any) -> dict[tuple[str, str], Any]:
    return {(one["kind"], one["metadata"]["name"]): one for one in objects if one}


def _namespace(name: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def _relative(path: Path, start: Path) -> str:
    return os.path.relpath(path.resolve(), start.resolve())


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return a folder with our manifests and the kustomizations of the page."""
    shutil.copytree(MANIFESTS, tmp_path / "manifests")
    for text in re.findall(r"^```yaml\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE):
        name = text.splitlines()[0].removeprefix("# ")
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(text, encoding="utf-8")
    (tmp_path / "shop/keys.env").write_text("admin=a-key-of-this-test\n", encoding="utf-8")
    return tmp_path


def commands(index: int) -> list[str]:
    """Return the commands of one block of the page."""
    return re.findall(r"^```sh\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)[index].splitlines()


def test_the_page_installs_the_operator_and_a_resource(
    apiserver: ApiServer, checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    operator, rollout, namespace, resource = (line.split()[1:] for line in commands(0))
    monkeypatch.chdir(checkout)
    apiserver.kubectl(*operator, "--force-conflicts")
    # No kubelet runs here: the pod never comes.
    assert "Waiting for deployment" in apiserver.kubectl(*rollout, "--timeout=1s", check=False)
    apiserver.kubectl(*namespace)
    # An operator of other tests may run, and is not asked to install it.
    assert "search created" in apiserver.kubectl(*resource, "--dry-run=server")
    apiserver.kubectl("delete", *namespace[1:], "--wait=false")
    apiserver.kubectl("apply", "--server-side", "--force-conflicts", "-k", "operator")
    assert apiserver.get("deployment", "bind-operator", namespace="bind-system")["spec"]["replicas"] == 2
    apiserver.kubectl("delete", "deployment,pdb", "bind-operator", "-n", "bind-system", "--wait=false")


def test_the_page_checks_what_kustomize_makes(
    apiserver: ApiServer, checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (line,) = commands(1)
    monkeypatch.chdir(checkout)
    first, second = line.split(" | ")
    made = apiserver.kubectl(*first.split()[1:])
    (bv,) = [one for one in yaml.safe_load_all(made) if one["kind"] == "BindVectorizer"]
    assert re.fullmatch(
        r"search-keys-[0-9a-z]{10}", bv["spec"]["weaviate"]["authentication"]["apiKeys"]["secretName"]
    )
    done = subprocess.run(
        [sys.executable, "-m", *second.split()],
        input=made,
        env=os.environ | {"PYTHONPATH": str(ROOT / "operator")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "1 valid" in done.stdout
