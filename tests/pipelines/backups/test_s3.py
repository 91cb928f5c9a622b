"""Backups to a real S3 server (versitygw) by the operator and the real Weaviate, and when it fails."""

from pathlib import Path
from typing import Any

import pytest

from bind_local.programs.modules import OLDER_WEAVIATES, WEAVIATES, Module
from integration.apiserver import ApiServer
from integration.data_world import OBJECTS, backup_now, backup_status, has_handled, installed, served
from integration.instance import Instance
from integration.operator_process import OperatorProcess
from integration.weaviate_process import PROGRAM
from pipelines.backups.conftest import BUCKET, S3
from support.waiting import eventually, until

GIVES_UP_S = 180
"""Weaviate's client repeats each request ten times, and it makes several."""


def place(s3: S3, **more: Any) -> dict[str, Any]:
    """Return `spec.weaviate.backup` for the server."""
    endpoint = f"127.0.0.1:{s3.port}"
    fields = {"endpoint": endpoint, "useSsl": False, "path": "prod", "credentialsSecret": "backup-s3"}
    return {"s3": {"bucket": BUCKET} | fields} | more


def succeeded(instance: Instance) -> bool:
    return instance.condition("BackedUp") == ("True", "BackupSucceeded")


@pytest.mark.parametrize("module", WEAVIATES, ids=lambda module: module.version())
def test_by_the_schedule_and_into_another_resource(
    operator: OperatorProcess,
    apiserver: ApiServer,
    instance: Instance,
    s3: S3,
    tmp_path: Path,
    module: Module,
) -> None:
    program = f"{module.name}/{PROGRAM}"
    installed(instance, {"backup": place(s3)})
    with served(instance, tmp_path / "first", s3.environment, program) as data:
        data.fill("Things", "Others")
        near = data.nearest("Things", 7)
        # Only now, so that nothing changes while it is made.
        instance.apply({"spec": {"weaviate": {"backup": place(s3, schedule="* * * * *")}}})
        eventually("backed up at its minute", lambda: succeeded(instance), within_s=90)
        good = backup_status(instance)["lastSuccess"]
        assert good["objects"] == {"Things": OBJECTS, "Others": OBJECTS}
        assert module is OLDER_WEAVIATES[0] or good["sizeBytes"] > 0
        instance.apply({"spec": {"weaviate": {"backup": place(s3, schedule="* * * * *", suspend=True)}}})
        eventually("no next one", lambda: "nextTime" not in backup_status(instance))
    name, namespace, source = "again", instance.namespace, {"name": "search"}
    if module is OLDER_WEAVIATES[0]:
        # It cannot do so under another name, which the operator would refuse.
        name, namespace, source = "search", "other", {"namespace": instance.namespace}
        apiserver.kubectl("create", "namespace", namespace)
    again = Instance(apiserver, name, namespace)
    version = {"version": module.version()}
    installed(again, {"backup": place(s3), "restoreFrom": source} | version)
    with served(again, tmp_path / "second", s3.environment, program) as data:
        eventually("restored", lambda: again.condition("Restored") == ("True", "Restored"), within_s=60)
        assert data.counts() == {"Things": OBJECTS, "Others": OBJECTS}
        assert data.nearest("Things", 7) == near
        assert "as many as when the backup was made" in again.message("Restored")


def test_wrong_keys_are_told_in_the_server_s_words(
    operator: OperatorProcess, instance: Instance, s3: S3, tmp_path: Path
) -> None:
    installed(instance, {"backup": place(s3)})
    wrong = s3.environment | {"AWS_SECRET_ACCESS_KEY": "another"}
    with served(instance, tmp_path / "first", wrong) as data:
        data.fill("Things")
        backup_now(instance, "1")
        failed = ("False", "BackupFailed")
        eventually("told", lambda: instance.condition("BackedUp") == failed, within_s=90)
        assert "signature" in instance.message("BackedUp").lower()
        assert "another" not in str(instance.get())


def test_s3_that_is_cut_in_the_middle_is_told_and_the_next_backup_goes_on(
    operator: OperatorProcess, instance: Instance, s3: S3, tmp_path: Path
) -> None:
    installed(instance, {"backup": place(s3)})
    with served(instance, tmp_path / "first", s3.environment) as data:
        data.fill("Things")
        backup_now(instance, "cut")
        until(lambda: s3.begun(0), 30, "it has begun", poll_s=0.001)
        s3.process.kill()
        log = tmp_path / "first" / "weaviate.log"
        until(lambda: "put_meta" in log.read_text(), GIVES_UP_S, "Weaviate gives up")
        s3.start()
        failed = ("False", "BackupFailed")
        eventually("told", lambda: instance.condition("BackedUp") == failed, within_s=60)
        backup_now(instance, "next")
        eventually("the next goes on", lambda: succeeded(instance), within_s=60)
        assert instance.event_reasons().count("BackupFailed") == 1


def test_an_operator_that_is_killed_in_the_middle_finds_the_backup_again(
    operator: OperatorProcess, instance: Instance, s3: S3, tmp_path: Path
) -> None:
    installed(instance, {"backup": place(s3)})
    with served(instance, tmp_path / "first", s3.environment) as data:
        data.fill("Things")
        backup_now(instance, "1")
        until(lambda: s3.begun(0), 30, "it has begun", poll_s=0.001)
        operator.kill()
        operator.start()
        eventually("it is found again", lambda: has_handled(instance, "1"), within_s=60)
        assert succeeded(instance)
        assert not s3.begun(1)
        assert instance.event_reasons().count("BackupSucceeded") == 1
