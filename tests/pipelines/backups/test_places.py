"""Each place with a server of its protocol: backed up, old ones removed by the program, and restored."""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from integration.apiserver import ApiServer
from integration.data_world import OBJECTS, Data, backup_now, backup_status, has_handled, installed, served
from integration.instance import Instance
from integration.operator_process import OperatorProcess
from pipelines.backups.conftest import BUCKET, KEYS, S3, running_s3
from pipelines.backups.places import Place, azure, google
from support.waiting import eventually

ROOT = Path(__file__).resolve().parents[3]
BACKED_UP = "backed up"
PROGRAM_S = 60


@contextlib.contextmanager
def amazon(folder: Path, bucket: str) -> Iterator[Place]:
    """Run versitygw with an empty bucket."""
    with running_s3(folder) as s3:
        yield Place("s3", place_of(s3), s3.environment, dict(KEYS))


def place_of(s3: S3) -> dict[str, Any]:
    endpoint = f"127.0.0.1:{s3.port}"
    fields = {"endpoint": endpoint, "useSsl": False, "path": "prod", "credentialsSecret": "backup-s3"}
    return {"s3": {"bucket": BUCKET} | fields}


def stored(data: Data, place: Place) -> dict[str, str]:
    """Return the state of each backup in the place, by its id, as Weaviate tells it."""
    answer = httpx.get(f"{data.url}/v1/backups/{place.backend}", timeout=30).raise_for_status()
    return {one["id"]: one["status"] for one in answer.json()}


def backed_up(instance: Instance, value: str) -> str:
    """Make a backup at once, and return its id."""
    backup_now(instance, value)
    eventually(BACKED_UP, lambda: has_handled(instance, value), within_s=60)
    assert instance.condition("BackedUp") == ("True", "BackupSucceeded"), instance.message("BackedUp")
    return str(backup_status(instance)["lastSuccess"]["id"])


def backed_up_by_hand(data: Data, place: Place) -> None:
    """Make a backup as a person does who asks Weaviate, under a name that begins as the operator's do."""
    data.post(f"backups/{place.backend}", {"id": "search_by-hand"})
    eventually(BACKED_UP, lambda: stored(data, place).get("search_by-hand") == "SUCCESS", within_s=60)


def run_retention(instance: Instance, place: Place, folder: Path) -> tuple[int, str]:
    """Run the container of the release's CronJob as a kubelet does; return its status and its last words."""
    template = instance.get("cronjob", "-retention")["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    (container,) = template["containers"]
    plain = {one["name"]: one["value"] for one in container["env"] if "value" in one}
    words = folder / "termination-log"
    words.touch()
    _, *command = container["command"]
    done = subprocess.run(
        [sys.executable, *command, *container["args"], f"--last-words={words}"],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(sys.path)} | plain | place.secrets,
        check=False,
        timeout=PROGRAM_S,
    )
    return done.returncode, words.read_text()


def told(instance: Instance, status: int, words: str) -> None:
    """Let the operator see a pod that ended so."""
    ended = {
        "exitCode": status,
        "message": words,
        "reason": "Completed",
        "startedAt": "2026-11-27T00:00:00Z",
        "finishedAt": "2026-11-27T00:00:01Z",
    }
    state = {"name": "retention", "ready": False, "restartCount": 0, "image": "x", "imageID": "x"}
    pod = {"phase": "Failed" if status else "Succeeded"}
    instance.create_pod("retention", pod | {"containerStatuses": [state | {"state": {"terminated": ended}}]})


@pytest.mark.parametrize("server", [amazon, azure, google])
def test_backed_up_old_ones_removed_and_restored(
    operator: OperatorProcess, apiserver: ApiServer, instance: Instance, tmp_path: Path, server: Any
) -> None:
    with server(tmp_path, BUCKET) as place:
        installed(instance, {"backup": place.backup | {"retention": {"keepLast": 2}}})
        with served(instance, tmp_path / "first", place.environment) as data:
            data.fill("Things")
            first = backed_up(instance, "1")
            backed_up_by_hand(data, place)
            data.fill("Others")
            near = data.nearest("Others", 7)
            kept = [backed_up(instance, "2"), backed_up(instance, "3")]
            status, words = run_retention(instance, place, tmp_path)
            assert (status, json.loads(words)["removed"]) == (0, [first]), words
            good = dict.fromkeys([*kept, "search_by-hand"], "SUCCESS")
            assert stored(data, place) == good
            told(instance, status, words)
            eventually("told", lambda: "BackupsRemoved" in instance.event_reasons())
            assert f"removed {first}; 2 are kept" in instance.event_messages("BackupsRemoved")[0]
            eventually("kept", lambda: backup_status(instance)["retention"]["kept"] == 2)
            shown = instance.kubectl("get", "bv", instance.name, "-o", "wide")
            assert shown.splitlines()[1].split()[-1] == "2"
            # Nothing is left to do, and nothing is done.
            assert json.loads(run_retention(instance, place, tmp_path)[1])["removed"] == []
            assert stored(data, place) == good
        again = Instance(apiserver, "again", instance.namespace)
        installed(again, {"backup": place.backup, "restoreFrom": {"name": "search"}})
        with served(again, tmp_path / "second", place.environment) as data:
            restored = ("True", "Restored")
            eventually("restored", lambda: again.condition("Restored") == restored, within_s=60)
            assert again.status()["restore"]["id"] == kept[-1]
            assert data.counts() == {"Things": OBJECTS, "Others": OBJECTS}
            assert data.nearest("Others", 7) == near
            assert "as many as when the backup was made" in again.message("Restored")


def test_keys_that_the_place_refuses_are_told_and_hold_up_no_backup(
    operator: OperatorProcess, instance: Instance, tmp_path: Path
) -> None:
    with amazon(tmp_path, BUCKET) as place:
        installed(instance, {"backup": place.backup | {"retention": {"keepFor": "30d"}}})
        with served(instance, tmp_path / "first", place.environment) as data:
            data.fill("Things")
            backed_up(instance, "1")
            wrong = Place(place.backend, place.backup, {}, KEYS | {"AWS_SECRET_ACCESS_KEY": "another-secret"})
            status, words = run_retention(instance, wrong, tmp_path)
            assert status == 1
            told(instance, status, words)
            eventually("told", lambda: "RetentionFailed" in instance.event_reasons())
            failure = backup_status(instance)["retention"]["failure"]
            assert failure.startswith("SignatureDoesNotMatch: ")
            assert "let the credentials list, read and delete objects there" in failure
            assert "another-secret" not in str(instance.get())
            backed_up(instance, "2")
