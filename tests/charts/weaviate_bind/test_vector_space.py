"""The chart's Deployment serves the vector space that the operator reads from a spec."""

from pathlib import Path
from typing import Any

import pytest

from bind_operator.api import parse_resource
from bind_operator.policy.vector_space import deployed_space, wanted_space
from bind_operator.release.chart import load_chart
from bind_operator.release.values import render_values
from bind_operator.settings import Images
from support.charts import CHARTS, pick, render
from support.resources import merged, tiny_resource

HUGE = {"name": "ImageBindHuge", "licenseAccepted": True}
MODELS = (
    {"name": "Tiny", "precision": "int8"},
    HUGE,
    HUGE | {"precision": "bfloat16", "weights": {"existingClaim": {"name": "c"}, "sha256": "a" * 64}},
)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("cut", [None, "upstream"])
def test_the_deployment_of_a_spec_serves_its_space(
    model: dict[str, Any], cut: str | None, tmp_path: Path
) -> None:
    extra = [{"name": "BIND_TEXT_TRUNCATION", "value": cut}] if cut else []
    patch = {"spec": {"inference": {"model": model, "extraEnv": extra}}}
    resource = parse_resource(merged(tiny_resource("t"), patch))
    values = tmp_path / "values.yaml"
    values.write_text(render_values(resource, Images(), load_chart(CHARTS / "weaviate-bind")).text)
    deployment = pick(render("weaviate-bind", "--values", values), "Deployment")
    assert deployed_space(deployment) == wanted_space(resource.spec.inference)
