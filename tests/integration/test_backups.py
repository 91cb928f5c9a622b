"""Backups and a restore with the real Weaviate, to a folder; S3 is in tests/pipelines/backups."""

import base64
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from integration.apiserver import ApiServer
from integration.conftest import OPERATOR_USER
from integration.data_world import (
    OBJECTS,
    backup_now,
    backup_status,
    has_handled,
    installed,
    served,
)
from integration.instance import Instance
from integration.operator_process import OperatorProcess
from support.waiting import eventually

PLACE = {"filesystem": {"claimName": "backups"}}


@pytest.fixture
def module(tmp_path: Path) -> dict[str, str | None]:
    """The environment by which the chart turns the module on, with a folder for its volume."""
    path = tmp_path / "backups"
    path.mkdir()
    return {"ENABLE_MODULES": "multi2vec-bind,backup-filesystem", "BACKUP_FILESYSTEM_PATH": str(path)}


def test_a_backup_is_made_restored_into_another_resource_and_checked(
    operator: OperatorProcess,
    apiserver: ApiServer,
    instance: Instance,
    tmp_path: Path,
    module: dict[str, str | None],
) -> None:
    installed(instance, {"backup": PLACE})
    assert instance.condition("BackedUp") == ("Unknown", "NoBackupYet")
    with served(instance, tmp_path / "first", module) as data:
        backup_now(instance, "empty")
        eventually("nothing to back up", lambda: has_handled(instance, "empty"))
        assert "there are no collections yet" in instance.message("BackedUp")
        data.fill("Things", "Others")
        near = data.nearest("Things", 7)
        backup_now(instance, "1")
        eventually("backed up", lambda: instance.condition("BackedUp") == ("True", "BackupSucceeded"))
        eventually("told", lambda: instance.event_reasons().count("BackupSucceeded") == 1)
        eventually("at rest", lambda: "running" not in backup_status(instance))
        good = backup_status(instance)["lastSuccess"]
        assert good["id"].startswith(f"{instance.namespace}_search_now-")
        assert good["objects"] == {"Things": OBJECTS, "Others": OBJECTS}
        assert operator.metric("bind_operator_resource_backup_timestamp_seconds", name="search") > 0
        # An operator that starts anew makes no second one, and writes nothing.
        operator.kill()
        lines = apiserver.audit_lines()
        operator.start()
        eventually("it looks", lambda: apiserver.rights_used(OPERATOR_USER, lines), within_s=30)
    again = Instance(apiserver, "again", instance.namespace)
    installed(again, {"backup": PLACE, "restoreFrom": {"name": "search"}})
    with served(again, tmp_path / "second", module) as data:
        eventually("restored", lambda: again.condition("Restored") == ("True", "Restored"), within_s=40)
        assert data.counts() == {"Things": OBJECTS, "Others": OBJECTS}
        assert data.nearest("Things", 7) == near
        status = again.status()["restore"]
        assert (status["id"], status["phase"]) == (good["id"], "Restored")
        assert "as many as when the backup was made" in status["message"]
        assert again.event_reasons().count("Restored") == 1
    assert instance.event_reasons().count("BackupSucceeded") == 1


def test_what_cannot_be_restored_is_stalled_with_the_remedy(
    operator: OperatorProcess, instance: Instance, tmp_path: Path, module: dict[str, str | None]
) -> None:
    installed(instance, {"backup": PLACE, "restoreFrom": {"id": "gone"}})
    with served(instance, tmp_path / "first", module) as data:
        eventually("refused", lambda: instance.condition("Restored") == ("False", "RestoreRefused"))
        assert "it is not in the place that spec.weaviate.backup names" in instance.message("Restored")
        assert instance.condition("Stalled") == ("True", "RestoreRefused")
        data.fill("Things")
        instance.apply({"spec": {"weaviate": {"backup": PLACE, "restoreFrom": {}}}})
        eventually("filled", lambda: "holds collections already (Things)" in instance.message("Restored"))
        assert data.counts() == {"Things": OBJECTS}
        instance.apply({"spec": {"weaviate": {"backup": PLACE}}})
        # An empty place: what was asked for is no longer, so nothing is refused.
        eventually("gone", lambda: instance.condition("Stalled")[0] == "False", within_s=30)


def test_a_place_that_cannot_be_written_is_told_in_weaviate_s_words_and_the_next_backup_goes_on(
    operator: OperatorProcess, instance: Instance, tmp_path: Path, module: dict[str, str | None]
) -> None:
    installed(instance, {"backup": PLACE})
    with served(instance, tmp_path / "first", module) as data:
        data.fill("Things")
        folder = Path(str(module["BACKUP_FILESYSTEM_PATH"]))
        folder.rmdir()
        folder.write_text("a file in the place of the volume")
        backup_now(instance, "1")
        eventually("failed", lambda: instance.condition("BackedUp") == ("False", "BackupFailed"))
        assert "not a directory" in instance.message("BackedUp")
        assert "not a directory" in instance.event_messages("BackupFailed")[0]
        folder.unlink()
        folder.mkdir()
        backup_now(instance, "2")
        eventually("backed up", lambda: instance.condition("BackedUp") == ("True", "BackupSucceeded"))
        shutil.rmtree(folder)


def test_a_weaviate_that_wants_keys_is_told_with_the_remedy(
    operator: OperatorProcess, instance: Instance, tmp_path: Path, module: dict[str, str | None]
) -> None:
    installed(instance, {"backup": PLACE, "authentication": {}})
    keys = {
        "AUTHENTICATION_ANONYMOUS_ACCESS_ENABLED": "false",
        "AUTHENTICATION_APIKEY_ENABLED": "true",
        "AUTHENTICATION_APIKEY_ALLOWED_KEYS": "a-key",
        "AUTHENTICATION_APIKEY_USERS": "admin",
    }
    with served(instance, tmp_path / "first", module | keys):
        backup_now(instance, "1")
        eventually("told", lambda: instance.condition("BackedUp") == ("False", "BackupFailed"))
        assert "Weaviate takes no key of the operator (status 401" in instance.message("BackedUp")
        assert "spec.weaviate.authentication.apiKeys.secretName" in instance.message("BackedUp")


def test_a_closed_weaviate_is_backed_up_by_the_operator_s_own_user(
    keyed_operator: OperatorProcess,
    apiserver: ApiServer,
    instance: Instance,
    tmp_path: Path,
    module: dict[str, str | None],
) -> None:
    installed(instance, {"backup": PLACE, "authentication": {}})
    secret = instance.get("secret", "-weaviate-keys")["data"]
    keys = {name: base64.b64decode(text).decode() for name, text in secret.items()}
    users = {"admin": "admin", "read-only": "read-only", "operator": "bind-operator"}
    closed = {
        "AUTHENTICATION_ANONYMOUS_ACCESS_ENABLED": "false",
        "AUTHENTICATION_APIKEY_ENABLED": "true",
        "AUTHENTICATION_APIKEY_ALLOWED_KEYS": ",".join(keys[entry] for entry in users),
        "AUTHENTICATION_APIKEY_USERS": ",".join(users.values()),
        "AUTHORIZATION_ADMINLIST_ENABLED": "true",
        "AUTHORIZATION_ADMINLIST_USERS": "admin,bind-operator",
        "AUTHORIZATION_ADMINLIST_READONLY_USERS": "read-only",
    }
    template = instance.get("statefulset", "-weaviate")["spec"]["template"]["spec"]["containers"][0]["env"]
    rendered = {one["name"]: one.get("value") for one in template}
    keyless = {name: text for name, text in closed.items() if not name.endswith("ALLOWED_KEYS")}
    assert {name: rendered[name] for name in keyless} == keyless
    with served(instance, tmp_path / "first", module | closed) as data:
        filled = replace(data, key=keys["admin"])
        filled.fill("Things")
        backup_now(instance, "1")
        eventually("backed up", lambda: instance.condition("BackedUp") == ("True", "BackupSucceeded"))
        assert backup_status(instance)["lastSuccess"]["objects"] == {"Things": OBJECTS}
    # The next operator finds the same keys.
    made = apiserver.get("secret", "bind-operator-keys", namespace="bind-system")["metadata"]["uid"]
    keyed_operator.kill()
    keyed_operator.start()
    with served(instance, tmp_path / "first", module | closed):
        backup_now(instance, "2")
        eventually("again", lambda: has_handled(instance, "2"), within_s=60)
        assert instance.condition("BackedUp") == ("True", "BackupSucceeded")
    assert apiserver.get("secret", "bind-operator-keys", namespace="bind-system")["metadata"]["uid"] == made
    assert keys["operator"] not in keyed_operator.log()


def test_a_backup_that_is_due_while_no_operator_runs_is_made_once_when_one_comes(
    operator: OperatorProcess, instance: Instance, tmp_path: Path, module: dict[str, str | None]
) -> None:
    installed(instance, {"backup": PLACE | {"schedule": "* * * * *"}})
    with served(instance, tmp_path / "first", module) as data:
        data.fill("Things")
        first = backup_status(instance)["nextTime"]
        operator.kill()
        backup_now(instance, "meanwhile")
        operator.start()
        eventually("backed up", lambda: has_handled(instance, "meanwhile"), within_s=40)
        assert instance.condition("BackedUp") == ("True", "BackupSucceeded")
        assert backup_status(instance)["nextTime"] >= first
