"""Runs the import and the searches once more, through the npm weaviate-client on Node."""

import hashlib
import json
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bind_demo.client.collection import schema
from bind_demo.client.endpoint import Endpoint
from bind_demo.client.importing import BATCH_SIZE, properties_of
from bind_demo.client.searches import ALPHA, HITS, Answer, Hit, Search
from bind_demo.errors import DemoError
from bind_demo.media.build import Media
from bind_demo.media.things import Thing

FOLDER = Path(__file__).parent / "node"
NPM_TIMEOUT_S = 300
RUN_TIMEOUT_S = 300


def install_packages() -> None:
    """Run `npm ci` unless node_modules already belongs to this lock file."""
    lock = hashlib.sha256((FOLDER / "package-lock.json").read_bytes()).hexdigest()
    stamp = FOLDER / "node_modules" / ".bind-demo-lock"
    if stamp.is_file() and stamp.read_text() == lock:
        return
    _program("node")
    _run([_program("npm"), "ci", "--ignore-scripts", "--no-audit", "--no-fund"], NPM_TIMEOUT_S)
    stamp.write_text(lock)


def build_job(
    endpoint: Endpoint,
    name: str,
    description: str,
    originals: Mapping[Thing, Media],
    searches: Sequence[Search],
) -> dict[str, Any]:
    """Return what demo.mjs reads: where Weaviate is, the collection, the objects and the searches."""
    objects = [{"id": str(t.uuid), "properties": properties_of(t, media)} for t, media in originals.items()]
    return {
        "http_host": endpoint.host,
        "http_port": endpoint.http_port,
        "grpc_host": endpoint.host,
        "grpc_port": endpoint.grpc_port,
        "schema": {**schema(name), "description": description},
        "objects": objects,
        "batch_size": BATCH_SIZE,
        "limit": HITS,
        "alpha": ALPHA,
        "searches": [{"method": s.method, "vector": s.vector, "payload": s.payload} for s in searches],
    }


def run_job(job: Mapping[str, Any], searches: Sequence[Search]) -> list[Answer]:
    """Run demo.mjs and return its answers. Raises DemoError with what Node printed."""
    with tempfile.TemporaryDirectory(prefix="bind-demo-") as folder:
        file = Path(folder) / "job.json"
        file.write_text(json.dumps(job))
        out = json.loads(_run([_program("node"), "demo.mjs", str(file)], RUN_TIMEOUT_S))
    if out["stored"] != len(job["objects"]):
        raise DemoError(
            f"the TypeScript client stored {out['stored']} of {len(job['objects'])} objects",
            "run the demo again",
        )
    answers = zip(searches, out["answers"], strict=True)
    return [
        Answer(s, tuple(Hit(h["slug"], h["distance"]) for h in a["hits"]), a["error"]) for s, a in answers
    ]


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise DemoError(
            f"{name} is not installed; the second half of the demo needs Node 20 and npm", "install Node 20"
        )
    return found


def _run(command: list[str], timeout_s: float) -> str:
    try:
        done = subprocess.run(
            command, cwd=FOLDER, capture_output=True, text=True, check=False, timeout=timeout_s
        )
    except subprocess.TimeoutExpired as error:
        raise DemoError(f"{command[1]} took longer than {timeout_s:.0f} s", "run the demo again") from error
    if done.returncode != 0:
        raise DemoError(
            f"{' '.join(command[:2])} failed:\n{done.stderr.strip()}", f"try it yourself in {FOLDER}"
        )
    return done.stdout
