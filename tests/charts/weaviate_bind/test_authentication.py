"""Who may ask Weaviate: upstream's names of values, keys by Secrets alone, and the gate's own key."""

from pathlib import Path
from typing import Any

import pytest

from support.charts import CHARTS, Manifest, containers, env, pick, refusal, render, render_text

TINY = ("--set", "modules.multi2vec-bind.model.name=Tiny")
SCENARIO = CHARTS / "weaviate-bind" / "ci" / "authentication-values.yaml"
KEYED = (
    "--set", "authentication.apikey.enabled=true", "--set", "authentication.apikey.existingSecret=keys",
    "--set", "authentication.anonymous_access.enabled=false",
)  # fmt: skip
CREDENTIALS = ("AUTHENTICATION_", "AUTHORIZATION_", "WEAVIATE_API_KEY_", "MCP_")


def template(*arguments: str | Path) -> Manifest:
    found: Manifest = pick(render("weaviate-bind", *TINY, *arguments), "StatefulSet")["spec"]["template"]
    return found


def variables(*arguments: str | Path) -> dict[str, Any]:
    """Return what Weaviate is told of who may ask it."""
    found = env(containers(template(*arguments)["spec"])["weaviate"])
    return {name: value for name, value in found.items() if name.startswith(CREDENTIALS)}


def secret(name: str, key: str) -> dict[str, Any]:
    return {"secretKeyRef": {"name": name, "key": key}}


def test_by_itself_it_says_what_upstream_s_chart_says() -> None:
    assert variables() == {"AUTHENTICATION_ANONYMOUS_ACCESS_ENABLED": "true"}
    assert "weaviate-api-key" not in render_text("weaviate-bind", *TINY)


def test_each_key_is_a_variable_and_the_pod_joins_them() -> None:
    found = variables(*KEYED)
    assert found == {
        "AUTHENTICATION_ANONYMOUS_ACCESS_ENABLED": "false",
        "AUTHENTICATION_APIKEY_ENABLED": "true",
        "AUTHENTICATION_APIKEY_ALLOWED_KEYS": "$(WEAVIATE_API_KEY_0),$(WEAVIATE_API_KEY_1)",
        "AUTHENTICATION_APIKEY_USERS": "admin,read-only",
        "WEAVIATE_API_KEY_0": secret("keys", "admin"),
        "WEAVIATE_API_KEY_1": secret("keys", "read-only"),
    }
    names = [one["name"] for one in containers(template(*KEYED)["spec"])["weaviate"]["env"]]
    # Kubernetes puts in only what stands above.
    assert names.index("WEAVIATE_API_KEY_1") < names.index("AUTHENTICATION_APIKEY_ALLOWED_KEYS")


def test_all_that_there_is_has_the_names_that_weaviate_reads() -> None:
    found = variables("--values", SCENARIO)
    assert found["AUTHENTICATION_OIDC_CERTIFICATE"] == secret("issuer-ca", "ca.crt")
    plain = {name: value for name, value in found.items() if isinstance(value, str)}
    assert plain == {
        "AUTHENTICATION_ANONYMOUS_ACCESS_ENABLED": "false",
        "AUTHENTICATION_APIKEY_ENABLED": "true",
        "AUTHENTICATION_APIKEY_ALLOWED_KEYS": "$(WEAVIATE_API_KEY_0),$(WEAVIATE_API_KEY_1)",
        "AUTHENTICATION_APIKEY_USERS": "admin,agent",
        "AUTHENTICATION_OIDC_ENABLED": "true",
        "AUTHENTICATION_OIDC_ISSUER": "https://login.example.com/realms/search",
        "AUTHENTICATION_OIDC_CLIENT_ID": "weaviate",
        "AUTHENTICATION_OIDC_SKIP_CLIENT_ID_CHECK": "true",
        "AUTHENTICATION_OIDC_USERNAME_CLAIM": "email",
        "AUTHENTICATION_OIDC_GROUPS_CLAIM": "groups",
        "AUTHENTICATION_OIDC_SCOPES": "openid,email",
        "AUTHENTICATION_OIDC_JWKS_URL": "https://login.example.com/keys",
        "AUTHORIZATION_ADMINLIST_ENABLED": "true",
        "AUTHORIZATION_ADMINLIST_USERS": "admin",
        "AUTHORIZATION_ADMINLIST_READONLY_USERS": "agent",
        "AUTHORIZATION_ADMINLIST_GROUPS": "admins",
        "AUTHORIZATION_ADMINLIST_READONLY_GROUPS": "users",
        "MCP_SERVER_ENABLED": "true",
        "MCP_SERVER_WRITE_ACCESS_ENABLED": "true",
    }


def test_roles_and_users_of_weaviate_s_own() -> None:
    found = variables("--values", SCENARIO.with_name("database-users-values.yaml"))
    assert found["AUTHENTICATION_DB_USERS_ENABLED"] == found["AUTHORIZATION_RBAC_ENABLED"] == "true"
    assert found["AUTHORIZATION_RBAC_ROOT_USERS"] == "admin"
    assert found["AUTHORIZATION_RBAC_ROOT_GROUPS"] == "admins"
    assert found["AUTHORIZATION_RBAC_READONLY_GROUPS"] == "users"


def test_another_revision_restarts_the_pods() -> None:
    assert template(*KEYED)["metadata"]["annotations"].get("bindvectorizer.dev/keys") is None
    annotations = template(*KEYED, "--set-string", "authentication.apikey.revision=2")["metadata"][
        "annotations"
    ]
    assert annotations["bindvectorizer.dev/keys"] == "2"


def test_only_the_gate_s_first_container_gets_the_key_of_the_live_check() -> None:
    spec = template(*KEYED, "--set", "gate.weaviate.apiKey.existingSecret=keys")["spec"]
    holders = [
        name
        for name, container in containers(spec).items()
        for mount in container["volumeMounts"]
        if mount["name"] == "weaviate-api-key"
    ]
    assert holders == ["gate"]
    (volume,) = [one for one in spec["volumes"] if one["name"] == "weaviate-api-key"]
    assert volume["secret"]["optional"] is True


def test_helm_s_own_test_asks_with_that_key() -> None:
    def asked(*arguments: str) -> str:
        pod = pick(render("weaviate-bind", *TINY, *arguments), "Pod")
        return str(pod["spec"]["containers"][0]["command"][-1])

    assert asked() == "http://shop-weaviate:80/v1/meta"
    keyed = asked(*KEYED, "--set", "gate.weaviate.apiKey.existingSecret=keys")
    assert keyed == "http://shop-weaviate-headless:8182/weaviate/v1/meta"


def test_the_notes_have_the_command_that_prints_the_key() -> None:
    notes = (CHARTS / "weaviate-bind" / "templates" / "NOTES.txt").read_text()
    assert "kubectl get secret" in notes


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("authentication.apikey.allowed_keys={a,b}",), "authentication.apikey.allowed_keys holds keys"),
        (("authentication.apikey.enabled=true",), "no keys are named"),
        (
            (
                "authentication.apikey.enabled=true",
                "authentication.apikey.existingSecret=keys",
                "authentication.apikey.keys={a,b,c}",
            ),
            "not as many",
        ),
        (
            ("authorization.admin_list.enabled=true", "authorization.rbac.enabled=true"),
            "turn one of them off",
        ),
        (("authentication.anonymous_access.enabled=false",), "nothing else lets anybody in"),
    ],
)
def test_what_cannot_work_is_refused(arguments: tuple[str, ...], words: str) -> None:
    given = [part for argument in arguments for part in ("--set", argument)]
    assert words in refusal("weaviate-bind", *TINY, *given)


def test_variables_of_the_user_win_and_are_enough() -> None:
    keys = ("--set", "envSecrets.AUTHENTICATION_APIKEY_ALLOWED_KEYS=keys")
    found = variables(
        *keys, "--set", "authentication.apikey.enabled=true", "--set", "env.AUTHENTICATION_APIKEY_USERS=one"
    )
    assert found["AUTHENTICATION_APIKEY_USERS"] == "one"
    assert found["AUTHENTICATION_APIKEY_ALLOWED_KEYS"] == secret("keys", "AUTHENTICATION_APIKEY_ALLOWED_KEYS")
