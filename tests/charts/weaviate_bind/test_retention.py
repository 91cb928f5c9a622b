"""Old backups are removed by a CronJob with the keys, the identity and the volume of Weaviate's pods."""

from typing import Any

import pytest

from support.charts import CHARTS, Manifest, containers, env, pick, refusal, render

TINY = ("--set", "modules.multi2vec-bind.model.name=Tiny")
RETENTION = CHARTS / "weaviate-bind/ci/retention-values.yaml"


def on(place: str, *settings: str) -> tuple[str, ...]:
    more = [part for setting in settings for part in ("--set", setting)]
    return (*TINY, "--set", f"backups.{place}.enabled=true", "--set", "backupRetention.keepLast=7", *more)


def job(*arguments: Any) -> Manifest:
    found: Manifest = pick(render("weaviate-bind", *arguments), "CronJob")["spec"]
    return found


def pod(*arguments: Any) -> Manifest:
    found: Manifest = job(*arguments)["jobTemplate"]["spec"]["template"]["spec"]
    return found


def test_without_a_rule_nothing_is_removed() -> None:
    objects = render("weaviate-bind", *TINY, "--set", "backups.s3.enabled=true")
    assert [item for item in objects if item["kind"] == "CronJob"] == []


def test_it_is_asked_for_one_release_s_backups_and_by_its_rules() -> None:
    (container,) = pod("--values", RETENTION)["containers"]
    assert container["command"] == ["python", "-m", "bind_operator.retention"]
    assert container["args"][0] == "--place=filesystem"
    assert container["args"][1].startswith("--prefix=")
    assert container["args"][1].count("_") == 2
    assert container["args"][2:] == ["--keep-last=7", "--keep-for=30d"]


def test_its_name_is_short_enough_for_the_longest_release() -> None:
    # A CronJob's name has 52 characters at most, and a resource's 40.
    name = pick(render("weaviate-bind", "--values", RETENTION), "CronJob")["metadata"]["name"]
    assert 40 + len("-retention") <= 52
    assert name.endswith("-retention")


def test_one_runs_at_a_time_and_what_the_last_ones_said_stays() -> None:
    spec = job("--values", RETENTION)
    assert spec["concurrencyPolicy"] == "Forbid"
    assert (spec["successfulJobsHistoryLimit"], spec["failedJobsHistoryLimit"]) == (1, 1)
    minute, *rest = spec["schedule"].split()
    assert 0 <= int(minute) < 60
    assert rest == ["*"] * 4
    chosen = job("--values", RETENTION, "--set", "backupRetention.schedule=5 4 * * *")
    assert chosen["schedule"] == "5 4 * * *"
    assert job("--values", RETENTION, "--set", "backupRetention.suspend=true")["suspend"] is True


@pytest.mark.parametrize("place", ["s3", "gcs", "azure"])
def test_it_has_the_settings_and_keys_of_weaviate_s_own_module(place: str) -> None:
    names = {
        "s3": ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"],
        "azure": ["AZURE_STORAGE_KEY"],
        "gcs": [],
    }[place]
    settings = [f"backups.{place}.envSecrets.{name}=keys" for name in names]
    settings += ["backups.gcs.credentials.existingSecret=gcs"] if place == "gcs" else []
    arguments = on(place, *settings)
    mine = env(pod(*arguments)["containers"][0])
    stateful_set = pick(render("weaviate-bind", *arguments), "StatefulSet")["spec"]["template"]["spec"]
    weaviate = env(containers(stateful_set)["weaviate"])
    assert mine.items() <= weaviate.items()
    assert {name for name in weaviate if name.startswith(("BACKUP_", "AWS_", "AZURE_", "GOOGLE_"))} == set(
        mine
    )
    for name in names:
        assert mine[name] == {"secretKeyRef": {"name": "keys", "key": name}}


def test_keys_among_the_variables_from_secrets_count_too() -> None:
    found = env(pod(*on("s3", "envSecrets.AWS_ACCESS_KEY_ID=mine", "envSecrets.OTHER=mine"))["containers"][0])
    assert found["AWS_ACCESS_KEY_ID"]["secretKeyRef"]["name"] == "mine"
    assert "OTHER" not in found


def test_without_keys_it_has_the_identity_of_weaviate_s_pods() -> None:
    arguments = on("s3", "serviceAccountName=backups", "podLabels.azure\\.workload\\.identity/use=yes")
    template = job(*arguments)["jobTemplate"]["spec"]["template"]
    assert template["spec"]["serviceAccountName"] == "backups"
    assert template["spec"]["automountServiceAccountToken"] is False
    assert template["metadata"]["labels"]["azure.workload.identity/use"] == "yes"


def test_a_volume_is_reached_where_weaviate_s_pod_has_it() -> None:
    found = pod("--values", RETENTION)
    (term,) = found["affinity"]["podAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    assert term["topologyKey"] == "kubernetes.io/hostname"
    objects = render("weaviate-bind", "--values", RETENTION)
    stateful_set = pick(objects, "StatefulSet")["spec"]["template"]
    assert term["labelSelector"]["matchLabels"].items() <= stateful_set["metadata"]["labels"].items()
    # Weaviate's files are its own.
    assert found["securityContext"] == stateful_set["spec"]["securityContext"]
    (volume,) = found["volumes"]
    assert volume in stateful_set["spec"]["volumes"]
    assert "affinity" not in pod(*on("s3"))


def test_its_pods_are_no_workload_s_and_nobody_reaches_them() -> None:
    objects = render("weaviate-bind", "--values", RETENTION)
    labels = pick(objects, "CronJob")["spec"]["jobTemplate"]["spec"]["template"]["metadata"]["labels"]
    for item in objects:
        selector = item.get("spec", {}).get("selector", {})
        matched = selector.get("matchLabels", selector) if isinstance(selector, dict) else {}
        assert not matched or not matched.items() <= labels.items(), item["metadata"]["name"]
    policies = [item for item in objects if item["kind"] == "NetworkPolicy"]
    (policy,) = [
        item for item in policies if item["spec"]["podSelector"]["matchLabels"].items() <= labels.items()
    ]
    assert policy["spec"]["ingress"] == []
    assert {"to": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]} in policy["spec"]["egress"]


def test_what_could_remove_nothing_is_refused() -> None:
    none = refusal("weaviate-bind", *TINY, "--set", "backupRetention.keepLast=7")
    assert "0 places of `backups` are enabled" in none
    two = refusal("weaviate-bind", *on("s3", "backups.gcs.enabled=true"))
    assert "2 places of `backups` are enabled" in two
    assert "keepFor" in refusal("weaviate-bind", *on("s3", "backupRetention.keepFor=30"))
