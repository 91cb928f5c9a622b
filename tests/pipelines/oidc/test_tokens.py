"""Tokens of a real issuer (Dex) and the real Weaviate, with the environment that the chart renders for it."""

import base64
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from integration.apiserver import ApiServer
from integration.data_world import OBJECTS, Data, backup_now, backup_status, installed, served
from integration.instance import Instance
from integration.operator_process import OperatorProcess
from pipelines.oidc.conftest import in_namespace
from pipelines.oidc.dex import PASSWORD, SECRET, TOKEN_S, Dex, email
from pipelines.oidc.world import THING, ask, environment, may
from support.ports import free_ports
from support.waiting import eventually

ALL, READS, NOTHING, UNKNOWN = (200, 200), (200, 403), (403, 403), (401, 401)
SCOPES = "groups offline_access"
"""Dex gives groups and a refresh token to who asks for them."""
APPLICATION = Path(__file__).with_name("application.py")


@pytest.fixture(scope="module")
def instance(
    operator: OperatorProcess, apiserver: ApiServer, issuer: Dex, sample: dict[str, Any]
) -> Instance:
    """The sample with this issuer, and backups."""
    found = in_namespace(apiserver, "oidc")
    oidc = sample["oidc"] | {"issuer": issuer.issuer}
    place = {"filesystem": {"claimName": "backups"}}
    installed(found, {"authentication": sample | {"oidc": oidc}, "backup": place})
    return found


@pytest.fixture(scope="module")
def grpc_port() -> int:
    return free_ports(1)[0]


@pytest.fixture(scope="module")
def data(instance: Instance, grpc_port: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Data]:
    """Weaviate as the chart has it, and the key of its admin."""
    folder = tmp_path_factory.mktemp("backups")
    told = environment(instance)
    more = {"ENABLE_MODULES": "multi2vec-bind,backup-filesystem", "BACKUP_FILESYSTEM_PATH": str(folder)}
    with served(
        instance, tmp_path_factory.mktemp("data"), told | more | {"GRPC_PORT": str(grpc_port)}
    ) as found:
        keyed = replace(found, key=str(told["WEAVIATE_API_KEY_0"]))
        keyed.post("schema", THING)
        yield keyed


def test_groups_decide_who_may_write_who_may_read_and_who_may_nothing(data: Data, issuer: Dex) -> None:
    found = {user: may(data.url, issuer.access_token(user)) for user in ("alice", "bob", "carol")}
    assert found == {"alice": ALL, "bob": READS, "carol": NOTHING}
    nameless = issuer.token("alice", scope="openid groups")["access_token"]
    assert may(data.url, nameless) == (500, 500)


def test_a_token_of_another_audience_another_key_or_no_signature_is_nobody_s(
    data: Data, issuer: Dex, impostor: Dex
) -> None:
    assert may(data.url, None) == UNKNOWN
    assert may(data.url, "no-token") == UNKNOWN
    assert may(data.url, issuer.access_token("alice", "another")) == UNKNOWN
    assert may(data.url, impostor.access_token("alice")) == UNKNOWN
    header, claims, signature = issuer.access_token("alice").split(".")
    unsigned = base64.urlsafe_b64encode(json.dumps({"alg": "none"}).encode()).decode().rstrip("=")
    assert may(data.url, f"{unsigned}.{claims}.") == UNKNOWN
    assert may(data.url, f"{header}.{forged(claims)}.{signature}") == UNKNOWN
    assert may(data.url, issuer.access_token("alice")) == ALL


def claims_of(token: str) -> dict[str, Any]:
    """Return what a token says."""
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(f"{token.split('.')[1]}=="))
    return found


def forged(claims: str) -> str:
    """Return claims in which another group stands."""
    found = claims_of(f".{claims}.")
    changed = json.dumps(found | {"groups": ["search-admins"], "email": "bob@example.com"}).encode()
    return base64.urlsafe_b64encode(changed).decode().rstrip("=")


def application(data: Data, grpc_port: int, seconds: float, way: str, **credentials: Any) -> dict[str, Any]:
    """Run an application with Weaviate's client, and return what it met."""
    host, _, port = data.url.removeprefix("http://").partition(":")
    command = [sys.executable, str(APPLICATION), host, port, str(grpc_port), str(seconds), way]
    done = subprocess.run(
        command, input=json.dumps(credentials), capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_a_token_that_has_expired_is_refused_and_the_client_gets_another_in_time(
    data: Data, issuer: Dex, grpc_port: int
) -> None:
    token = issuer.access_token("alice")
    alice = {"username": email("alice"), "password": PASSWORD, "scope": SCOPES}
    met = application(data, grpc_port, TOKEN_S + 2, "password", **alice)
    assert met["errors"] == []
    assert met["inserted"] > 5
    assert met["found"] > 5
    assert may(data.url, token) == UNKNOWN


def test_weaviate_s_client_takes_a_token_that_is_there_and_refreshes_it(
    data: Data, issuer: Dex, grpc_port: int
) -> None:
    """The client asks for a first new token only when `expires_in` is over, so it is given less."""
    token = issuer.token("bob")
    shown = {name: token[name] for name in ("access_token", "refresh_token")}
    met = application(data, grpc_port, TOKEN_S + 2, "bearer", **shown, expires_in=token["expires_in"] - 4)
    assert met["found"] > 5
    assert met["inserted"] == 0
    assert {error for error in met["errors"] if "forbidden" not in error} == set()


def test_a_client_of_its_own_secret_is_a_user_by_its_subject(
    operator: OperatorProcess, apiserver: ApiServer, issuer: Dex, sample: dict[str, Any], tmp_path: Path
) -> None:
    """Its token has no address of a person, so the resource names another claim; and there are no keys.

    Weaviate's own roles decide here, and the user that the resource lists has the root role.
    """
    oidc = sample["oidc"] | {"issuer": issuer.issuer, "clientId": "machine", "usernameClaim": "sub"}
    machine = in_namespace(apiserver, "oidc-machine")
    closed = {"oidc": oidc, "apiKeys": {"enabled": False}, "authorization": "RBAC"}
    subject = claims_of(issuer.machine_token())["sub"]
    installed(machine, {"authentication": closed | {"adminUsers": [subject]}})
    (grpc_port,) = free_ports(1)
    told = environment(machine)
    assert not [name for name in told if "KEY" in name]
    with served(machine, tmp_path, told | {"GRPC_PORT": str(grpc_port)}) as open_data:
        credentials = {"client_secret": SECRET, "scope": "groups"}
        admin = issuer.machine_token()
        ask(open_data.url, "POST", "/schema", admin, THING).raise_for_status()
        met = application(open_data, grpc_port, 1, "credentials", **credentials)
        assert met["errors"] == []
        assert met["inserted"] > 2
        assert may(open_data.url, None) == UNKNOWN


def test_clients_are_told_the_issuer_and_the_scopes(data: Data, issuer: Dex) -> None:
    told = ask(data.url, "GET", "/.well-known/openid-configuration", None).json()
    assert told["href"] == f"{issuer.issuer}/.well-known/openid-configuration"
    assert (told["clientId"], told["scopes"]) == ("weaviate", ["openid", "email"])


def test_the_operator_s_own_user_backs_up_beside_the_issuer(data: Data, instance: Instance) -> None:
    data.fill("Things")
    backup_now(instance, "1")
    eventually("backed up", lambda: instance.condition("BackedUp") == ("True", "BackupSucceeded"))
    assert backup_status(instance)["lastSuccess"]["objects"]["Things"] == OBJECTS


def test_the_operator_s_own_user_asks_whether_there_are_vectors(data: Data, instance: Instance) -> None:
    """A Weaviate that it may not ask would count as filled, also when the vectors are gone."""
    fields = {"multi2vec-bind": {"textFields": ["text"]}}
    data.post("schema", THING | {"class": "Bound", "vectorizer": "multi2vec-bind", "moduleConfig": fields})
    data.post("objects", {"class": "Bound", "properties": {"text": "a dog"}, "vector": [1.0, 0.0]})
    int8 = '{"spec":{"inference":{"model":{"precision":"int8"}}}}'
    instance.kubectl("patch", "bv", instance.name, "--type=merge", "-p", int8)
    eventually("held", lambda: instance.condition() == ("False", "ChangeNeedsConsent"))
    before = max(instance.revisions())
    ask(data.url, "DELETE", "/schema/Bound", data.key).raise_for_status()
    instance.kubectl("annotate", "bv", instance.name, "bindvectorizer.dev/reconcile=now")
    eventually("applied", lambda: max(instance.revisions()) > before, within_s=30)


def test_keys_that_the_issuer_changes_are_known_at_the_next_token(data: Data, issuer: Dex) -> None:
    def key_id() -> str:
        header = issuer.access_token("alice").partition(".")[0]
        return str(json.loads(base64.urlsafe_b64decode(f"{header}=="))["kid"])

    before = key_id()
    issuer.start_anew()
    assert key_id() != before
    assert may(data.url, issuer.access_token("alice")) == ALL


def test_an_issuer_that_is_away_leaves_keys_and_known_tokens_valid(data: Data, issuer: Dex) -> None:
    token = issuer.access_token("alice")
    assert may(data.url, token) == ALL
    issuer.process.stop()
    try:
        assert may(data.url, token) == ALL
        assert may(data.url, data.key) == ALL
    finally:
        issuer.start()
