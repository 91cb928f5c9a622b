"""A default that stands in the resource, in the operator's settings and in a chart is the same in all."""

from typing import Any

import yaml

from bind_operator.api import parse_resource
from bind_operator.release.chart import load_chart
from bind_operator.release.values import render_values
from bind_operator.settings import Images, Settings
from support.charts import CHARTS
from support.resources import merged, tiny_resource
from support.values import at, leaves, values

ACCEPTED = {"spec": {"inference": {"model": {"name": "ImageBindHuge", "licenseAccepted": True}}}}
INTENDED = {
    "modules.multi2vec-bind.model.licenseAccepted": "without it, neither renders anything",
    "modules.multi2vec-bind.tag": "each says the one for the device, the operator by its own version",
    "authentication.anonymous_access.enabled": "what the operator makes anew is closed, and has keys",
    "authentication.apikey.enabled": "so",
    "authentication.apikey.existingSecret": "so",
    "authentication.apikey.keys": "so, and one of them is the operator's own",
    "authentication.apikey.users": "so",
    "authorization.admin_list.enabled": "so",
    "authorization.admin_list.users": "so",
    "authorization.admin_list.read_only_users": "so",
    "gate.weaviate.apiKey.existingSecret": "so, and the live check goes through the gate",
    "gate.weaviate.apiKey.key": "so",
    "modules.multi2vec-bind.nodeSelector": "unset, the chart takes the root's, which are Weaviate's",
    "modules.multi2vec-bind.tolerations": "so",
    "modules.multi2vec-bind.affinity": "so",
    "modules.multi2vec-bind.serviceAccountName": "so",
    "networkPolicy.enabled": "a resource that is there keeps what it has until its section is there",
}
"""Where an otherwise empty resource renders something else than the chart's default, and why."""


def rendered() -> dict[str, Any]:
    resource = parse_resource(merged(tiny_resource("t"), ACCEPTED))
    found: dict[str, Any] = yaml.safe_load(
        render_values(resource, Images(), load_chart(CHARTS / "weaviate-bind")).text
    )
    return found


def test_an_empty_resource_renders_the_defaults_of_the_chart() -> None:
    chart = values("weaviate-bind")
    differing = {
        ".".join(path): (value, at(chart, path))
        for path, value in leaves(rendered())
        if at(chart, path) != value
    }
    assert set(differing) == set(INTENDED), differing


def test_the_operators_chart_gives_the_images_of_the_settings() -> None:
    assert Images.model_validate(values("bind-operator")["images"]) == Images()


def test_the_operators_chart_gives_the_log_level_of_the_settings() -> None:
    assert values("bind-operator")["logLevel"] == Settings.model_fields["log_level"].default


def test_the_workload_charts_app_is_the_weaviate_that_it_runs() -> None:
    chart = yaml.safe_load((CHARTS / "weaviate-bind" / "Chart.yaml").read_text())
    assert chart["appVersion"] == values("weaviate-bind")["image"]["tag"]
