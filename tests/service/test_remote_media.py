"""A real server fetches media from a public address and from no other, with HTTP workers and without."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from support.server import ROOT

PATHS = ":".join(str(ROOT / folder) for folder in ("inference", "local", "tests"))


@pytest.fixture(params=["0", "2"], ids=["alone", "workers"])
def found(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, Any]:
    """Return what came of the requests of `support.own_network`."""
    if subprocess.run(["unshare", "--net", "true"], capture_output=True, check=False).returncode:
        pytest.skip("no network namespace can be made here")
    command = ["unshare", "--net", sys.executable, "-m", "support.own_network", str(tmp_path), request.param]
    ended = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
        env=os.environ | {"PYTHONPATH": PATHS},
    )
    assert ended.returncode == 0, ended.stderr
    made: dict[str, Any] = json.loads(ended.stdout)
    return made


def test_a_public_address_is_fetched_and_a_private_one_never(found: dict[str, Any]) -> None:
    answers = found["answers"]
    status, content = answers["fetched"]
    assert status == 200, content
    vectors = [row["embedding"] for row in content["data"]]
    assert vectors[0] == vectors[1] == vectors[2]
    status, content = answers["in a large body"]
    assert status == 200, content
    assert [row["embedding"] for row in content["data"]] == vectors[:2]
    for name in ("private", "redirected"):
        status, content = answers[name]
        assert status == 422
        assert "has a private address; such are never fetched" in content["error"]["message"]
        assert content["error"]["code"] == "address_refused"
    assert found["secret"] == 0
