"""Renders the samples of the resource, as `bind_operator render` does."""

from pathlib import Path

import yaml

from bind_operator.api import parse_resource
from bind_operator.release.chart import load_chart
from bind_operator.release.values import render_values
from bind_operator.settings import Images
from support.charts import CHARTS

SAMPLES = sorted((CHARTS.parent / "manifests" / "samples").glob("*.yaml"))


def rendered_values(sample: Path) -> str:
    """Return the values of the release that a sample gives."""
    (manifest,) = [
        item for item in yaml.safe_load_all(sample.read_text()) if item and item["kind"] == "BindVectorizer"
    ]
    return render_values(parse_resource(manifest), Images(), load_chart(CHARTS / "weaviate-bind")).text
