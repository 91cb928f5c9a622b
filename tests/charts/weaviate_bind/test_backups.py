"""Backups: the modules of their places, keys from Secrets alone, and a volume that nothing deletes."""

from typing import Any

import pytest

from support.charts import CHARTS, Manifest, containers, env, pick, refusal, render

TINY = ("--set", "modules.multi2vec-bind.model.name=Tiny")
EVERYWHERE = ("--values", CHARTS / "weaviate-bind/ci/backups-values.yaml")


def on(place: str, *settings: str) -> tuple[str, ...]:
    more = [part for setting in settings for part in ("--set", f"backups.{place}.{setting}")]
    return (*TINY, "--set", f"backups.{place}.enabled=true", *more)


def pod(*arguments: Any) -> Manifest:
    found: Manifest = pick(render("weaviate-bind", *arguments), "StatefulSet")["spec"]["template"]["spec"]
    return found


def weaviate_env(*arguments: Any) -> dict[str, Any]:
    return env(containers(pod(*arguments))["weaviate"])


def test_without_a_place_there_is_nothing_of_it() -> None:
    found = weaviate_env(*TINY)
    assert found["ENABLE_MODULES"] == "multi2vec-bind"
    assert not [name for name in found if name.startswith("BACKUP_")]
    assert not [volume for volume in pod(*TINY)["volumes"] if "backup" in volume["name"]]


def test_each_place_is_a_module_with_its_settings() -> None:
    found = weaviate_env(*EVERYWHERE)
    modules = "multi2vec-bind,backup-azure,backup-filesystem,backup-gcs,backup-s3"
    assert found["ENABLE_MODULES"] == modules
    assert found["BACKUP_S3_BUCKET"] == "weaviate-backups"
    assert found["BACKUP_S3_USE_SSL"] == "false"
    assert found["GOOGLE_APPLICATION_CREDENTIALS"] == "/etc/backup-gcs/key.json"
    assert found["BACKUP_AZURE_CONTAINER"] == "weaviate-backups"


def test_keys_come_from_secrets() -> None:
    found = weaviate_env(*EVERYWHERE)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        assert found[name] == {"secretKeyRef": {"name": "backup-s3", "key": name}}
    assert found["AZURE_STORAGE_KEY"]["secretKeyRef"]["name"] == "backup-azure"


@pytest.mark.parametrize(
    ("place", "name"),
    [
        ("s3", "AWS_SECRET_ACCESS_KEY"),
        ("azure", "AZURE_STORAGE_KEY"),
        ("azure", "AZURE_STORAGE_CONNECTION_STRING"),
    ],
)
def test_a_key_among_the_values_is_refused(place: str, name: str) -> None:
    message = refusal("weaviate-bind", *on(place, f"envconfig.{name}=x"))
    assert f"backups.{place}.envconfig.{name} is a credential: keep it in a Secret" in message


def test_without_keys_the_pod_s_identity_is_what_asks() -> None:
    found = weaviate_env(*on("s3"), "--set", "serviceAccountName=backups")
    assert "AWS_ACCESS_KEY_ID" not in found
    assert pod(*on("s3"), "--set", "serviceAccountName=backups")["serviceAccountName"] == "backups"


def test_a_volume_is_made_and_kept() -> None:
    objects = render("weaviate-bind", *on("filesystem", "volume.size=5Gi"))
    claim = pick(objects, "PersistentVolumeClaim", "weaviate-backups")
    assert claim["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}
    assert claim["spec"]["resources"]["requests"]["storage"] == "5Gi"
    spec = pod(*on("filesystem"))
    (mount,) = [m for m in containers(spec)["weaviate"]["volumeMounts"] if m["name"] == "backups"]
    assert mount["mountPath"] == weaviate_env(*on("filesystem"))["BACKUP_FILESYSTEM_PATH"]


def test_a_claim_that_is_there_is_used() -> None:
    objects = render("weaviate-bind", *on("filesystem", "volume.existingClaim=mine"))
    assert [item for item in objects if item["kind"] == "PersistentVolumeClaim"] == []
    (volume,) = [
        v for v in pod(*on("filesystem", "volume.existingClaim=mine"))["volumes"] if v["name"] == "backups"
    ]
    assert volume["persistentVolumeClaim"] == {"claimName": "mine"}


def test_what_weaviate_could_not_do_is_refused() -> None:
    several = refusal("weaviate-bind", *on("filesystem"), "--set", "replicas=3")
    assert "Weaviate backs up several nodes to s3, gcs or azure only" in several
    within = refusal(
        "weaviate-bind", *on("filesystem", "envconfig.BACKUP_FILESYSTEM_PATH=/var/lib/weaviate/b")
    )
    assert "not within Weaviate's data" in within
    apart = refusal("weaviate-bind", *on("s3"), "--set", "gate.mode=Deployment")
    assert "gate.mode Deployment has no Weaviate" in apart


def test_upstream_s_keys_in_plain_text_are_refused_by_name() -> None:
    message = refusal("weaviate-bind", *on("s3", "secrets.AWS_ACCESS_KEY_ID=x"))
    assert "backups.s3.secrets is set, and Helm would store it" in message
    assert "envSecrets" in message
