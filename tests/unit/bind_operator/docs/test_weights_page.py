"""The manifests of docs/how-to/weights.md are valid, and their pods pass Pod Security `restricted`."""

import re
from pathlib import Path
from typing import Any

import yaml

from bind_operator.api import KIND, parse_resource
from support.podsecurity import violations

PAGE = (Path(__file__).parents[4] / "docs" / "how-to" / "weights.md").read_text(encoding="utf-8")


def manifests(kind: str) -> list[dict[str, Any]]:
    blocks = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    found = [item for block in blocks for item in yaml.safe_load_all(block)]
    return [item for item in found if item["kind"] == kind]


def test_the_resources_are_taken() -> None:
    claim, image = (parse_resource(item).spec.inference.model.weights for item in manifests(KIND))
    assert claim.existing_claim is not None
    assert claim.existing_claim.name == manifests("PersistentVolumeClaim")[0]["metadata"]["name"]
    assert image.image is not None


def test_the_job_that_fills_the_claim_may_run_where_the_servers_may() -> None:
    (job,) = manifests("Job")
    pod = job["spec"]["template"]["spec"]
    assert violations(pod) == []
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    (claim,) = manifests("PersistentVolumeClaim")
    assert volumes["weights"]["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]
