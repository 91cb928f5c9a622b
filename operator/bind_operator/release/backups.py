"""The place of backups becomes the values of Weaviate's backup module, under upstream's names."""

from typing import Any

import bind_operator
from bind_operator.api.backup import AzureBackend, Backup, FilesystemBackend, GcsBackend, S3Backend
from bind_operator.settings import ImageSetting

Values = dict[str, Any]

GOOGLE_ENTRY = "GOOGLE_APPLICATION_CREDENTIALS"
"""A Secret with this entry may be named as in upstream's chart, which knows no other."""


def backup_values(backup: Backup | None) -> Values:
    """Return what the chart has under `backups`; empty where nothing is backed up."""
    match backup:
        case Backup(filesystem=FilesystemBackend() as place):
            return {"filesystem": _filesystem(place)}
        case Backup(s3=S3Backend() as place):
            return {"s3": _s3(place)}
        case Backup(gcs=GcsBackend() as place):
            return {"gcs": _gcs(place)}
        case Backup(azure=AzureBackend() as place):
            return {"azure": _azure(place)}
    return {}


def retention_values(backup: Backup | None, image: ImageSetting) -> Values:
    """Return what the chart has under `backupRetention`; empty where nothing is removed.

    image: the operator's, which has the program.
    """
    if backup is None or backup.retention is None:
        return {}
    return {
        "keepLast": backup.retention.keep_last or 0,
        "keepFor": backup.retention.keep_for or "",
        # Where no new ones come, the old ones stay.
        "suspend": backup.suspend,
        "image": {
            "registry": image.registry,
            "repo": image.repository,
            "tag": image.tag or bind_operator.__version__,
            "digest": image.digest,
        },
    }


def _filesystem(place: FilesystemBackend) -> Values:
    volume = {
        "existingClaim": place.claim_name or "",
        "size": place.size,
        "storageClassName": place.storage_class_name or "",
    }
    return {"enabled": True, "volume": volume}


def _s3(place: S3Backend) -> Values:
    env = {
        "BACKUP_S3_BUCKET": place.bucket,
        "BACKUP_S3_PATH": place.path,
        "BACKUP_S3_ENDPOINT": place.endpoint,
        "BACKUP_S3_USE_SSL": str(place.use_ssl).lower(),
        "AWS_REGION": place.region,
    }
    keys = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    return _module(env, dict.fromkeys(keys, place.credentials_secret))


def _gcs(place: GcsBackend) -> Values:
    env = {
        "BACKUP_GCS_BUCKET": place.bucket,
        "BACKUP_GCS_PATH": place.path,
        "GOOGLE_CLOUD_PROJECT": place.project,
    }
    secret = place.credentials
    if secret is not None and secret.key == GOOGLE_ENTRY:
        return _module(env, {GOOGLE_ENTRY: secret.name})
    file = {"credentials": {"existingSecret": secret.name, "key": secret.key}} if secret else {}
    return _module(env, {}) | file


def _azure(place: AzureBackend) -> Values:
    env = {
        "BACKUP_AZURE_CONTAINER": place.container,
        "BACKUP_AZURE_PATH": place.path,
        "AZURE_STORAGE_ACCOUNT": place.account,
    }
    key = "AZURE_STORAGE_KEY" if place.account else "AZURE_STORAGE_CONNECTION_STRING"
    return _module(env, {key: place.credentials_secret})


def _module(env: dict[str, str | None], secrets: dict[str, str | None]) -> Values:
    """Return the values of a module, without the variables that nobody set."""
    return {
        "enabled": True,
        "envconfig": {name: value for name, value in env.items() if value},
        "envSecrets": {name: secret for name, secret in secrets.items() if secret},
    }
