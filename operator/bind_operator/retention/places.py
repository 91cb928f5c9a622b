"""The place of backups is opened by the environment that the chart gives Weaviate's own module for it."""

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from obstore.store import AzureStore, GCSStore, LocalStore, ObjectStore, S3Store

from bind_operator.errors import InvalidSpec

FILESYSTEM, S3, GCS, AZURE = PLACES = ("filesystem", "s3", "gcs", "azure")
Environment = Mapping[str, str]

RETRIES: Any = {"max_retries": 4, "retry_timeout": timedelta(seconds=60)}
LIMITS: Any = {"timeout": timedelta(seconds=60), "connect_timeout": timedelta(seconds=10)}
AMAZON_REGION = "us-east-1"
"""The library wants one; where AWS does not have the bucket there, it says so."""
AMAZON = "s3.amazonaws.com"


def open_place(place: str, env: Environment) -> tuple[ObjectStore, str]:
    """Return the store, and the path in it below which each backup has a folder.

    Keys, or the pod's own identity, are found by the library in `env`, which is the process's.
    Raises InvalidSpec for settings that it does not understand.
    """
    match place:
        case "filesystem":
            # A folder that is empty goes with its last file.
            return LocalStore(_needed(env, "BACKUP_FILESYSTEM_PATH"), automatic_cleanup=True), ""
        case "s3":
            return _s3(env), env.get("BACKUP_S3_PATH", "").strip("/")
        case "gcs":
            return _gcs(env), env.get("BACKUP_GCS_PATH", "").strip("/")
        case "azure":
            return _azure(env), env.get("BACKUP_AZURE_PATH", "").strip("/")
    raise InvalidSpec(f"there is no place {place!r} for backups; choose one of {', '.join(PLACES)}")


def _s3(env: Environment) -> S3Store:
    bucket, region = _needed(env, "BACKUP_S3_BUCKET"), env.get("AWS_REGION") or AMAZON_REGION
    endpoint = env.get("BACKUP_S3_ENDPOINT") or AMAZON
    if endpoint == AMAZON:
        return S3Store(bucket, region=region, client_options=LIMITS, retry_config=RETRIES)
    is_plain = env.get("BACKUP_S3_USE_SSL", "").lower() == "false"
    options = LIMITS | {"allow_http": is_plain}
    address = f"{'http' if is_plain else 'https'}://{endpoint}"
    return S3Store(bucket, region=region, endpoint=address, client_options=options, retry_config=RETRIES)


def _gcs(env: Environment) -> GCSStore:
    bucket, emulator = _needed(env, "BACKUP_GCS_BUCKET"), env.get("STORAGE_EMULATOR_HOST")
    if not emulator:
        return GCSStore(bucket, client_options=LIMITS, retry_config=RETRIES)
    # Google's own clients, of which Weaviate has one, follow this variable to a server that asks for no key.
    address = emulator if "://" in emulator else f"http://{emulator}"
    account = {"gcs_base_url": address, "disable_oauth": True, "client_email": "", "private_key": ""}
    account |= {"private_key_id": ""}
    options = LIMITS | {"allow_http": True}
    return GCSStore(
        bucket, service_account_key=json.dumps(account), client_options=options, retry_config=RETRIES
    )


def _azure(env: Environment) -> AzureStore:
    container, text = _needed(env, "BACKUP_AZURE_CONTAINER"), env.get("AZURE_STORAGE_CONNECTION_STRING")
    if not text:
        account, key = _needed(env, "AZURE_STORAGE_ACCOUNT"), _needed(env, "AZURE_STORAGE_KEY")
        config: Any = {"account_name": account, "account_key": key}
        return AzureStore(container, config=config, client_options=LIMITS, retry_config=RETRIES)
    config = connection_config(text)
    options = LIMITS | {"allow_http": config.get("endpoint", "").startswith("http://")}
    return AzureStore(container, config=config, client_options=options, retry_config=RETRIES)


def connection_config(text: str) -> Any:
    """Return what the library wants to know of a connection string. Raises InvalidSpec for another text."""
    pairs = (part.partition("=") for part in text.strip().split(";") if part.strip())
    found = {name.strip().lower(): value.strip() for name, _, value in pairs}
    account, key, token = (found.get(one) for one in ("accountname", "accountkey", "sharedaccesssignature"))
    endpoint = found.get("blobendpoint", "")
    if not endpoint and account and found.get("endpointsuffix"):
        scheme = found.get("defaultendpointsprotocol", "https")
        endpoint = f"{scheme}://{account}.blob.{found['endpointsuffix']}"
    account = account or endpoint.partition("://")[2].partition(".")[0]
    if not account or not (key or token):
        # Without a word of the text, which is a key.
        raise InvalidSpec(
            "AZURE_STORAGE_CONNECTION_STRING has no account or no key; copy it anew from the storage account"
        )
    config = {"account_name": account} | ({"account_key": key} if key else {"sas_key": token or ""})
    return config | ({"endpoint": endpoint.rstrip("/")} if endpoint else {})


def _needed(env: Environment, name: str) -> str:
    value = env.get(name)
    if not value:
        raise InvalidSpec(f"{name} is not set; the chart sets it where backups go to that place")
    return value
