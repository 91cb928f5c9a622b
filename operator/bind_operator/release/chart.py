"""The operator needs the bundled chart's name, version and schema, and a digest of all its files."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from bind_operator.policy.names import CHART


class ChartUnreadable(Exception):
    """The chart's folder is not a chart; the message names the file."""


@dataclass(frozen=True, eq=False)
class Chart:
    """It is a chart on disk, as it was when the operator started; no two are equal."""

    path: Path
    name: str
    version: str
    schema: dict[str, Any]
    digest: str
    """SHA-256 of the names and bytes of its files, in hex."""

    @property
    def full_name(self) -> str:
        """Name and version, as Helm writes them."""
        return f"{self.name}-{self.version}"


def load_chart(path: Path) -> Chart:
    """Return the chart in folder `path`. Raises ChartUnreadable."""
    try:
        meta = yaml.safe_load((path / "Chart.yaml").read_text(encoding="utf-8"))
        schema = json.loads((path / "values.schema.json").read_text(encoding="utf-8"))
        return Chart(path, str(meta["name"]), str(meta["version"]), schema, _digest(path))
    except (OSError, ValueError, KeyError, TypeError, yaml.YAMLError) as error:
        raise ChartUnreadable(
            f"{path} holds no usable chart ({error}); set chart_dir to the folder of {CHART}"
        ) from error


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    for file in sorted(file for file in path.rglob("*") if file.is_file()):
        content = file.read_bytes()
        digest.update(f"{file.relative_to(path)}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()
