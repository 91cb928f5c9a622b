"""The pods of the chart are rendered by Helm, with what one machine needs in place of a cluster."""

import copy
import json
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from bind_operator.api.authentication import OPERATOR

Values = dict[str, Any]
HELM_TIMEOUT_S = 60


class HelmMissing(Exception):
    """Helm is not there, or does not render the chart; the message says what to do."""


@dataclass(frozen=True)
class Helm:
    """It renders a chart, and asks no cluster."""

    program: str
    chart: Path

    def objects(self, name: str, namespace: str, values: Values) -> list[dict[str, Any]]:
        """Return the objects of a release with `values`. Raises HelmMissing."""
        with tempfile.TemporaryDirectory(prefix="bindctl-") as folder:
            file = Path(folder) / "values.json"
            file.write_text(json.dumps(values), encoding="utf-8")
            command = [self.program, "template", name, str(self.chart)]
            try:
                ran = subprocess.run(
                    [*command, "--namespace", namespace, "--values", str(file)],
                    capture_output=True,
                    text=True,
                    timeout=HELM_TIMEOUT_S,
                    check=True,
                )
            except FileNotFoundError as error:
                raise HelmMissing(
                    f"{self.program} is not there; install Helm (helm.sh), or name it by --helm"
                ) from error
            except subprocess.TimeoutExpired as error:
                raise HelmMissing(
                    f"{self.program} did not end in {HELM_TIMEOUT_S} s; run it again"
                ) from error
            except subprocess.CalledProcessError as error:
                raise HelmMissing(f"Helm does not render the chart: {error.stderr.strip()}") from error
        return [one for one in yaml.safe_load_all(ran.stdout) if one]


def one_machine(values: Values) -> Values:
    """Return the values of one Weaviate and one gate, without the operator as a user: there is none."""
    changed = copy.deepcopy(values) | {"replicas": 1}
    gate = changed.get("gate", {})
    # The gate's question to Weaviate is the operator's.
    weaviate = gate.get("weaviate", {}) | {"apiKey": {"existingSecret": ""}}
    changed["gate"] = gate | {"replicas": 1, "weaviate": weaviate}
    apikey = changed.get("authentication", {}).get("apikey", {})
    if OPERATOR.user not in apikey.get("users", ()):
        return changed
    pairs = zip(apikey["keys"], apikey["users"], strict=True)
    kept = [pair for pair in pairs if pair[1] != OPERATOR.user]
    apikey["keys"], apikey["users"] = [key for key, _ in kept], [user for _, user in kept]
    for section in changed.get("authorization", {}).values():
        for name in {"users", "root_users"} & set(section):
            section[name] = [user for user in section[name] if user != OPERATOR.user]
    return changed


def pick(objects: list[dict[str, Any]], kind: str, name: str) -> Mapping[str, Any] | None:
    """Return the object of a kind and name, or None if there is none."""
    named = (one for one in objects if one["kind"] == kind and one["metadata"]["name"] == name)
    return next(named, None)
