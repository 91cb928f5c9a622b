"""Who may ask Weaviate, by a real API server: what is new is closed, what was open stays so and is told."""

import base64
from typing import Any

import pytest
import yaml

from integration.instance import Instance
from integration.operator_process import OperatorProcess
from support.api_proxy import NO_HARM, ApiProxy, Harm
from support.charts import CHARTS
from support.pages import Shell, blocks
from support.tools import binary
from support.waiting import eventually

ANONYMOUS = "AUTHENTICATION_ANONYMOUS_ACCESS_ENABLED"
PAGE = "authentication.md"
TINY = "--set modules.multi2vec-bind.model.name=Tiny"
ASK = "bindvectorizer.dev/reconcile"


def released(instance: Instance) -> None:
    eventually("released", lambda: instance.condition("Released") == ("True", "Deployed"), within_s=30)


def variables(instance: Instance) -> dict[str, Any]:
    """Return the environment of Weaviate, {} while there is none."""
    found = instance.get("statefulset", "-weaviate")
    if found is None:
        return {}
    container = found["spec"]["template"]["spec"]["containers"][0]
    return {one["name"]: one.get("value", one.get("valueFrom")) for one in container["env"]}


def keys(instance: Instance) -> dict[str, str]:
    """Return what is in the Secret of the operator, {} where there is none."""
    found = instance.get("secret", "-weaviate-keys") or {}
    return {name: base64.b64decode(text).decode() for name, text in found.get("data", {}).items()}


def shell(instance: Instance) -> Shell:
    """Return a shell whose kubectl reaches the instance's namespace."""
    server = f"--kubeconfig={instance.server.kubeconfig}"
    return Shell([str(binary("kubectl")), server, "-n", instance.namespace])


def mark(instance: Instance) -> str | None:
    """Return by what the pods know the Secret that they were started with."""
    template = instance.get("statefulset", "-weaviate")["spec"]["template"]
    found: str | None = template["metadata"]["annotations"].get("bindvectorizer.dev/keys")
    return found


def test_a_new_resource_is_closed_and_its_keys_are_made_once(
    operator: OperatorProcess, instance: Instance
) -> None:
    instance.apply()
    released(instance)
    env = variables(instance)
    assert env[ANONYMOUS] == "false"
    assert env["WEAVIATE_API_KEY_0"] == {
        "secretKeyRef": {"name": f"{instance.name}-weaviate-keys", "key": "admin"}
    }
    made = keys(instance)
    assert set(made) == {"admin", "read-only", "operator"}
    assert all(len(key) >= 43 for key in made.values())
    assert len(set(made.values())) == 3
    shown = [shell(instance).run(line).strip() for line in blocks(PAGE)[0].splitlines()]
    assert shown == [made["admin"], made["read-only"]]
    assert shell(instance).run(blocks("mcp.md")[0]).strip() == made["read-only"]
    told = instance.status()["authentication"]
    assert told["anonymousAccess"] is False
    assert f"kubectl get secret -n {instance.namespace} {instance.name}-weaviate-keys" in told["keyCommand"]
    assert instance.event_messages("KeysMade") != []
    before = instance.get("secret", "-weaviate-keys")["metadata"]["resourceVersion"]
    operator.stop()
    operator.start()
    instance.apply({"spec": {"weaviate": {"env": {"QUERY_DEFAULTS_LIMIT": "20"}}}})
    eventually("upgraded", lambda: 2 in instance.revisions(), within_s=30)
    assert instance.get("secret", "-weaviate-keys")["metadata"]["resourceVersion"] == before
    assert mark(instance) == told["madeSecret"]
    log = operator.log()
    assert not [key for key in made.values() if key in log]


def test_a_secret_that_somebody_deleted_is_made_anew_and_the_pods_roll(
    operator: OperatorProcess, instance: Instance
) -> None:
    instance.apply()
    released(instance)
    first, started_with = keys(instance), mark(instance)
    instance.kubectl("delete", "secret", f"{instance.name}-weaviate-keys")
    instance.kubectl("annotate", "bv", instance.name, f"{ASK}=now")
    eventually("the pods start with another", lambda: mark(instance) != started_with, within_s=30)
    again = keys(instance)
    assert set(again) == {"admin", "read-only", "operator"}
    assert again["admin"] != first["admin"]
    assert "was gone; it is made anew" in instance.event_messages("KeysMade")[-1]


@pytest.mark.long
def test_an_operator_killed_before_it_could_tell_of_the_secret_made_anew_has_the_pods_roll_all_the_same(
    far_operator: OperatorProcess, proxy: ApiProxy, instance: Instance
) -> None:
    instance.apply()
    released(instance)
    first, started_with = keys(instance), mark(instance)
    instance.kubectl("delete", "secret", f"{instance.name}-weaviate-keys")
    makes = f"/namespaces/{instance.namespace}/secrets"
    lost = Harm(loses_answer=True)
    proxy.harm(lambda method, path: lost if method == "POST" and path.endswith(makes) else NO_HARM)
    instance.kubectl("annotate", "bv", instance.name, f"{ASK}=now")
    eventually("made", lambda: set(keys(instance)) == {"admin", "read-only", "operator"}, within_s=30)
    far_operator.kill()
    again = keys(instance)
    assert again["admin"] != first["admin"]
    assert mark(instance) == started_with
    proxy.heal()
    far_operator.start()
    eventually("the pods start with them", lambda: mark(instance) != started_with, within_s=30)
    eventually("told", lambda: instance.status()["authentication"]["madeSecret"] == mark(instance))
    assert keys(instance) == again
    assert "was gone; it is made anew" in instance.event_messages("KeysMade")[-1]


def test_what_is_open_stays_open_and_is_told_until_it_is_closed(
    operator: OperatorProcess, instance: Instance
) -> None:
    """So does a release of an operator before this one: what its pods were told decides, not the status."""
    close, leave_open = blocks(PAGE, under="A resource that was there before")[0].splitlines()
    instance.apply({"spec": {"suspend": True}})
    shell(instance).run(leave_open)
    instance.kubectl("patch", "bv", instance.name, "--type=merge", "-p", '{"spec":{"suspend":false}}')
    released(instance)
    assert variables(instance)[ANONYMOUS] == "true"
    assert instance.get("secret", "-weaviate-keys") is None
    operator.stop()
    instance.kubectl("replace", "-f", "-", manifest=instance.manifest() | {"metadata": _same(instance)})
    forget = '{"status":{"authentication":null}}'
    instance.kubectl("patch", "bv", instance.name, "--subresource=status", "--type=merge", "-p", forget)
    operator.start()
    eventually("told", lambda: "note" in instance.status().get("authentication", {}), within_s=30)
    assert variables(instance)[ANONYMOUS] == "true"
    eventually("by an event", lambda: instance.event_messages("AnonymousAccess") != [], within_s=10)
    shell(instance).run(close)
    eventually("closed", lambda: variables(instance)[ANONYMOUS] == "false", within_s=30)
    eventually("and told no longer", lambda: "note" not in instance.status()["authentication"], within_s=30)
    assert set(keys(instance)) == {"admin", "read-only", "operator"}


def _same(instance: Instance) -> dict[str, Any]:
    metadata = instance.get()["metadata"]
    return {name: metadata[name] for name in ("name", "namespace", "resourceVersion", "finalizers")}


def test_what_the_pages_have_of_a_resource_is_one(instance: Instance) -> None:
    for page in (PAGE, "mcp.md"):
        for text in blocks(page, "yaml"):
            manifest = instance.manifest(yaml.safe_load(text))
            instance.kubectl("apply", "--dry-run=server", "-f", "-", manifest=manifest)


def test_the_page_s_secret_for_gate_and_servers_is_what_the_chart_takes(instance: Instance) -> None:
    *make, upgrade = blocks("api-keys.md", under="In a cluster")[0].splitlines()
    template = f"{binary('helm')} template x {CHARTS / 'weaviate-bind'} {TINY}"
    assert upgrade.startswith("helm upgrade … ")
    rendered = shell(instance).run("\n".join([*make, upgrade.replace("helm upgrade …", template)]))
    assert rendered.count('secretName: "inference-keys"') == 2
    data = instance.server.get("secret", "inference-keys", namespace=instance.namespace)["data"]
    assert set(data) == {"server", "gate"}
    assert len(set(data.values())) == 1
    assert len(base64.b64decode(data["gate"])) == 64


def test_keys_by_variables_are_left_alone(operator: OperatorProcess, instance: Instance) -> None:
    env = {ANONYMOUS: "false", "AUTHENTICATION_APIKEY_ENABLED": "true"}
    env |= {"AUTHENTICATION_APIKEY_ALLOWED_KEYS": "a-key", "AUTHENTICATION_APIKEY_USERS": "me"}
    instance.apply({"spec": {"weaviate": {"env": env}}})
    released(instance)
    assert env.items() <= variables(instance).items()
    assert instance.get("secret", "-weaviate-keys") is None


@pytest.mark.parametrize("policy", ["Retain", "Delete"])
def test_the_secret_goes_where_the_volumes_go(
    operator: OperatorProcess, instance: Instance, policy: str
) -> None:
    """The garbage collector, which is not part of this API server, takes the Secret after its owner."""
    instance.apply({"spec": {"deletionPolicy": policy, "inference": {"apiKeys": {}}}})
    released(instance)
    owners = {
        owner["uid"]
        for name in ("-weaviate-keys", "-inference-keys")
        for owner in instance.get("secret", name)["metadata"]["ownerReferences"]
    }
    keepers = [instance.get("configmap", name) for name in ("-weaviate-keys", "-inference-keys")]
    assert owners == {keeper["metadata"]["uid"] for keeper in keepers}
    instance.delete(wait_s=60)
    kept = {name for name in ("-weaviate-keys", "-inference-keys") if instance.get("configmap", name)}
    assert kept == ({"-weaviate-keys", "-inference-keys"} if policy == "Retain" else set())
