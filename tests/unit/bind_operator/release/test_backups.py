"""The place of backups in the values, under upstream's names."""

from typing import Any

import pytest

from bind_operator.api.backup import Backup
from bind_operator.release.backups import backup_values


@pytest.mark.parametrize(
    ("place", "values"),
    [
        (
            {
                "s3": {
                    "bucket": "b",
                    "path": "p",
                    "endpoint": "h:9",
                    "useSsl": False,
                    "credentialsSecret": "s",
                }
            },
            {
                "s3": {
                    "enabled": True,
                    "envconfig": {
                        "BACKUP_S3_BUCKET": "b",
                        "BACKUP_S3_PATH": "p",
                        "BACKUP_S3_ENDPOINT": "h:9",
                        "BACKUP_S3_USE_SSL": "false",
                    },
                    "envSecrets": {"AWS_ACCESS_KEY_ID": "s", "AWS_SECRET_ACCESS_KEY": "s"},
                }
            },
        ),
        (
            {"gcs": {"bucket": "b", "credentials": {"name": "s", "key": "k"}}},
            {
                "gcs": {
                    "enabled": True,
                    "envconfig": {"BACKUP_GCS_BUCKET": "b"},
                    "envSecrets": {},
                    "credentials": {"existingSecret": "s", "key": "k"},
                }
            },
        ),
        (
            {"azure": {"container": "c", "account": "a", "credentialsSecret": "s"}},
            {
                "azure": {
                    "enabled": True,
                    "envconfig": {"BACKUP_AZURE_CONTAINER": "c", "AZURE_STORAGE_ACCOUNT": "a"},
                    "envSecrets": {"AZURE_STORAGE_KEY": "s"},
                }
            },
        ),
        (
            {"filesystem": {"claimName": "mine"}},
            {
                "filesystem": {
                    "enabled": True,
                    "volume": {"existingClaim": "mine", "size": "32Gi", "storageClassName": ""},
                }
            },
        ),
    ],
    ids=["s3", "gcs", "azure", "filesystem"],
)
def test_each_place(place: dict[str, Any], values: dict[str, Any]) -> None:
    backup = Backup.model_validate(place)
    assert backup_values(backup) == values
    assert backup.backend == next(iter(place))


def test_without_an_account_azure_s_secret_has_the_connection_string() -> None:
    backup = Backup.model_validate({"azure": {"container": "c", "credentialsSecret": "s"}})
    assert backup_values(backup)["azure"]["envSecrets"] == {"AZURE_STORAGE_CONNECTION_STRING": "s"}


def test_where_nothing_is_backed_up_the_values_have_nothing_of_it() -> None:
    assert backup_values(None) == {}
