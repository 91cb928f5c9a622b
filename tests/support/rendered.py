"""Renders the samples of the resource, as `bind_operator render` does."""

from pathlib import Path

import yaml

from bind_operator.api import BindVectorizer
from bind_operator.policy.profiles import resolve
from bind_operator.release.chart import load_chart
from bind_operator.release.values import render_values
from bind_operator.settings import Images
from support.charts import CHARTS
from support.profiles import shipped_profiles

SAMPLES = sorted((CHARTS.parent / "manifests" / "samples").glob("*.yaml"))


def sample_resource(sample: Path) -> BindVectorizer:
    """Return the resource of a sample, with the profile that it names."""
    (manifest,) = [
        item for item in yaml.safe_load_all(sample.read_text()) if item and item["kind"] == "BindVectorizer"
    ]
    resource, _, _ = resolve(manifest, shipped_profiles(), is_stored=False)
    return resource


def rendered_values(sample: Path) -> str:
    """Return the values of the release that a sample gives."""
    return render_values(sample_resource(sample), Images(), load_chart(CHARTS / "weaviate-bind")).text
