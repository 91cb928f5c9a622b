"""What `bindctl images` lists of a resource is what the chart's pods have."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from bind_operator.settings import Settings
from bindctl.image_list import images_in
from bindctl.rendering import Rendered, render_all
from bindctl.sources import Manifest, find_manifests
from support.charts import render

ROOT = Path(__file__).parents[2]
SAMPLES = (
    *(
        "air-gap",
        "external-inference",
        "external-weaviate",
        "gpu",
        "image",
        "no-inference",
        "private-registry",
    ),
    *("tiny", "weaviate-cluster"),
)


def of_pods(value: Any) -> set[str]:
    """Return the images of all containers and volumes, wherever they stand in objects."""
    found: set[str] = set()
    if isinstance(value, list):
        found = set().union(*map(of_pods, value))
    if isinstance(value, dict):
        found = set().union(*map(of_pods, value.values()))
        image = value.get("image")
        if isinstance(image, str):
            found.add(image)
        elif isinstance(image, dict) and "reference" in image:
            found.add(image["reference"])
    return found


@pytest.mark.parametrize("sample", SAMPLES)
def test_the_images_of_a_sample_are_those_of_its_pods(sample: str, tmp_path: Path) -> None:
    found = find_manifests([str(ROOT / f"manifests/samples/{sample}.yaml")])
    (rendered,) = render_all([one for one in found if isinstance(one, Manifest)], Settings())
    if not isinstance(rendered, Rendered):
        pytest.fail(rendered.message)
    values = tmp_path / "values.yaml"
    values.write_text(rendered.text, encoding="utf-8")
    objects = [one for one in render("weaviate-bind", "--values", values) if _stays(one)]
    assert {one.name for one in images_in(yaml.safe_load(rendered.text))} == of_pods(objects)


def _stays(manifest: dict[str, Any]) -> bool:
    """Leave out the pod of `helm test`, which has the image of another."""
    return "helm.sh/hook" not in manifest["metadata"].get("annotations", {})
