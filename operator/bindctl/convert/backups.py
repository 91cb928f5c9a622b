"""The place of Weaviate's backups becomes the section `weaviate.backup`."""

from typing import Any, Protocol

from bind_operator.goyaml import Path
from bindctl.convert.draft import Draft
from bindctl.convert.reading import Reading

BACKENDS = ("s3", "gcs", "azure", "filesystem")
_FIELDS = {
    "s3": {
        "bucket": "BACKUP_S3_BUCKET",
        "path": "BACKUP_S3_PATH",
        "endpoint": "BACKUP_S3_ENDPOINT",
        "region": "AWS_REGION",
    },
    "gcs": {
        "bucket": "BACKUP_GCS_BUCKET",
        "path": "BACKUP_GCS_PATH",
        "project": "GOOGLE_CLOUD_PROJECT",
    },
    "azure": {
        "container": "BACKUP_AZURE_CONTAINER",
        "path": "BACKUP_AZURE_PATH",
        "account": "AZURE_STORAGE_ACCOUNT",
    },
    "filesystem": {},
}
_DEFAULTS = {
    "s3": {"bucket": "weaviate-backups"},
    "gcs": {"bucket": "weaviate-backups"},
    "azure": {"container": "weaviate-backups"},
    "filesystem": {},
}
_SECRETS = {
    "s3": ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
    "gcs": ("GOOGLE_APPLICATION_CREDENTIALS",),
    "azure": ("AZURE_STORAGE_KEY", "AZURE_STORAGE_CONNECTION_STRING"),
    "filesystem": (),
}


class Taken(Protocol):
    """It is what variables can be asked here."""

    def __contains__(self, name: str) -> bool:
        """Return whether there is such a variable."""

    def place(self, name: str) -> Path:
        """Return where it stands."""

    def take(self, name: str) -> str | None:
        """Return its value."""


def set_backup(
    draft: Draft, reading: Reading, backends: list[str], variables: Taken, secret: str | None = None
) -> None:
    """Set the first of `backends`, and say that the others are lost.

    secret: the Secret that holds the credentials; None where there is none yet.
    """
    for index, backend in enumerate(backends):
        fields = {field: variables.take(name) for field, name in _FIELDS[backend].items()}
        section: dict[str, Any] = {field: value for field, value in fields.items() if value}
        place = variables.place(f"BACKUP_{backend.upper()}_PATH")
        if backend == "filesystem":
            variables.take("BACKUP_FILESYSTEM_PATH")
        use_ssl = variables.take("BACKUP_S3_USE_SSL") if backend == "s3" else None
        if use_ssl is not None and use_ssl.lower() in ("false", "0", "off", "disabled"):
            section["useSsl"] = False
        section |= _credentials(draft, reading, backend, variables, secret)
        if index:
            reading.lose(place, f"backups go to one place, {backends[0]}; this one is a second")
            continue
        draft.set(f"weaviate.backup.{backend}", _DEFAULTS[backend] | section)


def _credentials(
    draft: Draft, reading: Reading, backend: str, variables: Taken, secret: str | None
) -> dict[str, Any]:
    names = [name for name in _SECRETS[backend] if name in variables]
    places = [variables.place(name) for name in names]
    for name in names:
        variables.take(name)
    if not names and secret is None:
        return {}
    if secret is None:
        secret = f"{draft.name}-backup"
        entries = " ".join(f"--from-file={name}=FILE" for name in names)
        reading.advise(
            places[0],
            f"no secret stands in a resource; make one: kubectl create secret generic {secret} {entries}",
        )
    if backend == "gcs":
        return {"credentials": {"name": secret, "key": _SECRETS["gcs"][0]}}
    return {"credentialsSecret": secret}
