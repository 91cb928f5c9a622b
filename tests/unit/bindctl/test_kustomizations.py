"""A patch of a kustomization is a part of a resource, and a folder is read without it."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from bindctl.commands import main

ROOT = Path(__file__).parents[3]
PART = """\
apiVersion: bindvectorizer.dev/v1alpha1
kind: BindVectorizer
metadata:
  name: search
spec:
  inference:
    replicas: 2
"""


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(main, ["validate", *arguments])
    return result.exit_code, result.stdout


@pytest.mark.parametrize(
    "kustomization",
    [
        "patches:\n  - path: part.yaml\n",
        "patchesStrategicMerge: [part.yaml]\n",
        "patchesJson6902:\n  - {path: ./part.yaml, target: {kind: BindVectorizer}}\n",
    ],
)
def test_a_patch_is_no_resource(tmp_path: Path, kustomization: str) -> None:
    (tmp_path / "overlay").mkdir()
    part = tmp_path / "overlay/part.yaml"
    part.write_text(PART, encoding="utf-8")
    assert run(str(tmp_path))[0] == 1
    (tmp_path / "overlay/kustomization.yaml").write_text(kustomization, encoding="utf-8")
    status, said = run(str(tmp_path), "--allow-none")
    assert (status, said.splitlines()[-1]) == (
        0,
        "0 resources: 0 valid, 0 refused; 1 object of other kinds not judged",
    )
    assert run(str(part))[0] == 1, "who names the file asks about it"


def test_of_a_kustomization_that_names_a_resource_the_resource_is_judged(tmp_path: Path) -> None:
    (tmp_path / "part.yaml").write_text(PART, encoding="utf-8")
    (tmp_path / "kustomization.yaml").write_text(
        "resources: [part.yaml]\npatches: nonsense\n", encoding="utf-8"
    )
    assert run(str(tmp_path))[0] == 1


def test_all_of_our_own_manifests_are_valid() -> None:
    status, said = run(str(ROOT / "manifests"))
    assert (status, "0 refused" in said) == (0, True), said
