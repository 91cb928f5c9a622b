"""The program removes folders of one resource's backups from a volume, and says what came of it."""

import json
import os
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bind_operator.errors import InvalidSpec
from bind_operator.retention.__main__ import failure_words, main
from bind_operator.retention.places import connection_config, open_place
from bind_operator.retention.stored import StoredBackups

DAY = 86400.0
OWN = "demo_search_"
NEW, MIDDLE, OLD = (f"{OWN}202611{day}t030000z" for day in ("27", "26", "01"))
FOREIGN = (f"{OWN}by-hand", "demo_search-2_20261101t030000z", "other_search_20261101t030000z", "lost+found")


@pytest.fixture
def volume(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A volume with backups of three ages, and folders that are somebody else's."""
    monkeypatch.setenv("BACKUP_FILESYSTEM_PATH", str(tmp_path / "volume"))
    for id_, age in ((NEW, 0.1), (MIDDLE, 1.1), (OLD, 26), *((one, 40) for one in FOREIGN)):
        write(tmp_path / "volume" / id_, age)
    return tmp_path / "volume"


def write(folder: Path, age_days: float, status: str | None = "SUCCESS", **more: Any) -> None:
    """Write what Weaviate writes of a backup, so long ago."""
    at = time.time() - age_days * DAY
    data = folder / "search-weaviate-0" / "Things" / "chunk-1"
    data.parent.mkdir(parents=True, exist_ok=True)
    data.write_bytes(b"data")
    moment = datetime.fromtimestamp(at, tz=UTC).isoformat()
    if status is not None:
        meta = {"id": folder.name, "status": status, "startedAt": moment, "completedAt": moment} | more
        (folder / "backup_config.json").write_text(json.dumps(meta))
    for file in folder.rglob("*"):
        os.utime(file, (at, at))


def prune(tmp_path: Path, *rule: str) -> tuple[int, dict[str, Any]]:
    """Run the program as the CronJob does; return its status and its last words."""
    words = tmp_path / "termination-log"
    words.touch()
    status = main(["--place=filesystem", f"--prefix={OWN}", f"--last-words={words}", *rule])
    return status, json.loads(words.read_text())


def left(volume: Path) -> set[str]:
    return {folder.name for folder in volume.iterdir()}


def test_old_ones_go_with_their_folders_and_nothing_of_others_does(volume: Path, tmp_path: Path) -> None:
    before = {path for one in FOREIGN for path in (volume / one).rglob("*")}
    status, words = prune(tmp_path, "--keep-last=2")
    assert (status, words["removed"], words["kept"], words["fault"]) == (0, [OLD], 2, "")
    assert left(volume) == {NEW, MIDDLE, *FOREIGN}
    assert {path for one in FOREIGN for path in (volume / one).rglob("*")} == before
    assert (volume / MIDDLE / "search-weaviate-0" / "Things" / "chunk-1").read_bytes() == b"data"
    assert prune(tmp_path, "--keep-last=2")[1]["removed"] == []


def test_by_age_the_youngest_good_one_stays(volume: Path, tmp_path: Path) -> None:
    assert prune(tmp_path, "--keep-for=1h")[1]["removed"] == [OLD, MIDDLE]
    assert left(volume) == {NEW, *FOREIGN}


def test_a_dry_run_says_what_would_go(
    volume: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert prune(tmp_path, "--keep-last=1", "--dry-run")[1]["removed"] == [OLD, MIDDLE]
    assert f"{OLD} would be removed: a good one of 3" in capsys.readouterr().out
    assert left(volume) == {NEW, MIDDLE, OLD, *FOREIGN}


def test_what_is_made_or_restored_from_stays_and_what_was_left_goes(volume: Path, tmp_path: Path) -> None:
    made, failed, parts = (f"{OWN}now-{digit * 10}" for digit in "abc")
    write(volume / made, 0.01, "TRANSFERRING")
    write(volume / failed, 2, "FAILED")
    # What a removal leaves that is cut off: no word of Weaviate's about it.
    write(volume / parts, 2, None)
    restored = volume / OLD / "restore_config.json"
    restored.write_text(json.dumps({"status": "TRANSFERRING"}))
    assert set(prune(tmp_path, "--keep-last=2")[1]["removed"]) == {failed, parts}
    assert {made, OLD} <= left(volume)
    restored.write_text(json.dumps({"status": "SUCCESS"}))
    assert prune(tmp_path, "--keep-last=2")[1]["removed"] == [OLD]


def test_what_somebody_s_incremental_backup_builds_on_stays(volume: Path, tmp_path: Path) -> None:
    write(volume / "incremental-by-hand", 1, baseBackupId=OLD)
    assert prune(tmp_path, "--keep-last=1")[1]["removed"] == [MIDDLE]


def test_a_restore_that_begins_meanwhile_keeps_it(volume: Path) -> None:
    store, path = open_place("filesystem", os.environ)
    backups = StoredBackups(store, path)
    assert not backups.read(OLD, time.time()).is_restored_from
    (volume / OLD / "restore_config.json").write_text(json.dumps({"status": "STARTED"}))
    assert not backups.remove(OLD, time.time())
    assert OLD in left(volume)


def test_a_place_that_is_not_there_is_told_with_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BACKUP_FILESYSTEM_PATH", str(tmp_path / "gone"))
    status, words = prune(tmp_path, "--keep-last=1")
    assert status == 1
    assert "spec.weaviate.backup.filesystem" in words["fault"]
    monkeypatch.delenv("BACKUP_FILESYSTEM_PATH")
    assert "BACKUP_FILESYSTEM_PATH is not set" in prune(tmp_path, "--keep-last=1")[1]["fault"]


@pytest.mark.parametrize("rule", ["--keep-for=30", "--keep-for=0d", "--keep-last=0"])
def test_a_rule_that_says_nothing_is_refused(volume: Path, tmp_path: Path, rule: str) -> None:
    with pytest.raises(SystemExit):
        prune(tmp_path, rule)


def test_the_same_fault_has_the_same_words_each_time() -> None:
    refused = (
        "Generic S3 error: Error performing GET http://h:9/b in 619.341µs, after 4 retries, max_retries: 4, "
        "retry_timeout: 60s  - HTTP error: error sending request\n\nDebug source:\nGeneric {"
    )
    assert failure_words(refused) == (
        "Generic S3 error: Error performing GET http://h:9/b - HTTP error: error sending request"
    )
    denied = (
        "x in 1ms: <Error><Code>AccessDenied</Code><Message>Access Denied.\nRequestId:1</Message></Error>"
    )
    assert failure_words(denied) == "AccessDenied: Access Denied."


KEY = "a2V5LXdpdGg9c2lnbg=="


@pytest.mark.parametrize(
    ("text", "config"),
    [
        (
            f"DefaultEndpointsProtocol=https;AccountName=shop;AccountKey={KEY};EndpointSuffix=core.windows.net",
            {"account_name": "shop", "account_key": KEY, "endpoint": "https://shop.blob.core.windows.net"},
        ),
        (
            f"AccountName=shop;AccountKey={KEY};BlobEndpoint=http://127.0.0.1:10000/shop/;",
            {"account_name": "shop", "account_key": KEY, "endpoint": "http://127.0.0.1:10000/shop"},
        ),
        (
            "BlobEndpoint=https://shop.blob.core.windows.net;SharedAccessSignature=sv=1&sig=a%3D",
            {
                "account_name": "shop",
                "sas_key": "sv=1&sig=a%3D",
                "endpoint": "https://shop.blob.core.windows.net",
            },
        ),
    ],
)
def test_connection_strings(text: str, config: dict[str, str]) -> None:
    assert connection_config(text) == config


def test_a_connection_string_without_a_key_is_refused_without_its_words() -> None:
    with pytest.raises(InvalidSpec, match="no account or no key") as caught:
        connection_config("AccountName=shop;Secret=hunter2")
    assert "hunter2" not in str(caught.value)


def test_a_place_is_opened_by_weaviate_s_own_variables() -> None:
    s3 = {
        "BACKUP_S3_BUCKET": "bkt",
        "BACKUP_S3_PATH": "/prod/",
        "BACKUP_S3_ENDPOINT": "h:9",
        "BACKUP_S3_USE_SSL": "false",
    }
    store, path = open_place("s3", s3)
    assert path == "prod"
    assert (store.config["endpoint"], store.config["region"]) == ("http://h:9", "us-east-1")
    assert (
        "endpoint" not in open_place("s3", {"BACKUP_S3_BUCKET": "bkt", "AWS_REGION": "eu-west-1"})[0].config
    )
    with pytest.raises(InvalidSpec, match="BACKUP_AZURE_CONTAINER is not set"):
        open_place("azure", {})
    with pytest.raises(InvalidSpec, match="no place 'tape'"):
        open_place("tape", {})
