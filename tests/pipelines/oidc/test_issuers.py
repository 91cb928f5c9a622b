"""An issuer that is away, is another one, or has an authority of its own, and what is told of it."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from integration.apiserver import ApiServer
from integration.data_world import START_S, installed, served
from integration.instance import Instance
from integration.operator_process import OperatorProcess
from integration.weaviate_process import PlayedInference, started_weaviate
from pipelines.oidc.conftest import in_namespace
from pipelines.oidc.dex import Dex, dex, email, running
from pipelines.oidc.world import THING, ask, environment, may
from support.http_server import listening
from support.waiting import eventually, until

KUBELET_BYTES = 2048
"""So much of a log's end the kubelet takes for a container's last words."""
AT = "spec.weaviate.authentication.oidc"


def resource(
    apiserver: ApiServer, namespace: str, sample: dict[str, Any], /, **oidc: Any
) -> tuple[Instance, dict[str, str | None]]:
    """Return a resource that names an issuer, and what its Weaviate is told."""
    found = in_namespace(apiserver, namespace)
    if "certificate" in oidc:
        file = f"--from-file=ca.crt={oidc['certificate']}"
        found.kubectl("create", "secret", "generic", "issuer-ca", file)
        oidc["certificate"] = {"name": "issuer-ca", "key": "ca.crt"}
    installed(found, {"authentication": sample | {"oidc": sample["oidc"] | oidc}})
    return found, environment(found)


def crash(instance: Instance, told: dict[str, str | None], folder: Path) -> str:
    """Let Weaviate end as it does, and its pod say so; return what Ready then says."""
    with (
        listening(PlayedInference) as inference,
        started_weaviate(folder, inference, more=told) as (_, process),
    ):
        until(lambda: process.poll() is not None, START_S, "it ends")
        assert process.returncode == 1
    words = (folder / "weaviate.log").read_bytes()[-KUBELET_BYTES:].decode()
    waiting = {"waiting": {"reason": "CrashLoopBackOff"}}
    status = {
        "name": "weaviate",
        "ready": False,
        "restartCount": 3,
        "image": "x",
        "imageID": "",
        "state": waiting,
        "lastState": {"terminated": {"exitCode": 1, "reason": "Error", "message": words}},
    }
    instance.create_pod("weaviate", {"phase": "Running", "containerStatuses": [status]})
    eventually("told", lambda: instance.condition()[1] == "CrashLooping", within_s=30)
    return instance.message()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of an authority that nobody knows; its key is beside it."""
    folder = tmp_path_factory.mktemp("certificate")
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=dex"]
    files = ["-keyout", str(folder / "dex.key"), "-out", str(folder / "dex.crt")]
    names = ["-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run([*command, *files, *names], check=True, capture_output=True)
    return folder / "dex.crt"


@contextmanager
def private_issuer(folder: Path, certificate: Path) -> Iterator[Dex]:
    with running(dex(folder, certificate=certificate)) as found:
        yield found


def test_nobody_answers(
    operator: OperatorProcess, apiserver: ApiServer, sample: dict[str, Any], tmp_path: Path
) -> None:
    found, told = resource(apiserver, "oidc-away", sample, issuer="http://127.0.0.1:9/dex")
    message = crash(found, told, tmp_path)
    assert "connection refused" in message
    assert f"check {AT}.issuer" in message


def test_an_issuer_of_another_name(
    operator: OperatorProcess, apiserver: ApiServer, sample: dict[str, Any], issuer: Dex, tmp_path: Path
) -> None:
    other = issuer.issuer.replace("127.0.0.1", "localhost")
    found, told = resource(apiserver, "oidc-other", sample, issuer=other)
    message = crash(found, told, tmp_path)
    assert issuer.issuer in message
    assert f"write {AT}.issuer as it does" in message


def test_an_authority_that_nobody_knows(
    operator: OperatorProcess,
    apiserver: ApiServer,
    sample: dict[str, Any],
    certificate: Path,
    tmp_path: Path,
) -> None:
    with private_issuer(tmp_path / "issuer", certificate) as private:
        found, told = resource(apiserver, "oidc-unknown", sample, issuer=private.issuer)
        assert f"name its certificate in {AT}.certificate" in crash(found, told, tmp_path)


def test_what_is_no_certificate(
    operator: OperatorProcess, apiserver: ApiServer, sample: dict[str, Any], issuer: Dex, tmp_path: Path
) -> None:
    wrong = tmp_path / "wrong"
    wrong.write_text("no certificate")
    found, told = resource(apiserver, "oidc-no-pem", sample, issuer=issuer.issuer, certificate=wrong)
    assert f"put a certificate in PEM into the Secret of {AT}.certificate" in crash(found, told, tmp_path)


def test_an_authority_of_one_s_own(
    operator: OperatorProcess,
    apiserver: ApiServer,
    sample: dict[str, Any],
    certificate: Path,
    tmp_path: Path,
) -> None:
    with private_issuer(tmp_path / "issuer", certificate) as private:
        authority = {"issuer": private.issuer, "certificate": certificate, "skipClientIdCheck": True}
        found, told = resource(apiserver, "oidc-private", sample, **authority)
        with served(found, tmp_path / "data", told) as data:
            ask(data.url, "POST", "/schema", told["WEAVIATE_API_KEY_0"], THING).raise_for_status()
            assert may(data.url, private.access_token("alice")) == (200, 200)
            assert may(data.url, private.access_token("bob")) == (200, 403)
            # Any audience will do here.
            assert may(data.url, private.access_token("bob", "another")) == (200, 403)


def test_with_the_address_of_its_keys_weaviate_starts_without_the_issuer(
    operator: OperatorProcess, apiserver: ApiServer, sample: dict[str, Any], tmp_path: Path
) -> None:
    """Users are in its lists by their names, where no group is."""
    away = dex(tmp_path / "issuer")
    named = {"issuer": away.issuer, "jwksUrl": f"{away.issuer}/keys"}
    lists = {"adminUsers": ["admin", email("carol")], "readOnlyUsers": ["read-only", email("dave")]}
    found, told = resource(apiserver, "oidc-keys", sample | lists, **named)
    with served(found, tmp_path / "data", told) as data:
        ask(data.url, "POST", "/schema", told["WEAVIATE_API_KEY_0"], THING).raise_for_status()
        with running(away):
            users = ("alice", "bob", "carol", "dave")
            found_rights = {user: may(data.url, away.access_token(user)) for user in users}
        both, reads = (200, 200), (200, 403)
        assert found_rights == {"alice": both, "bob": reads, "carol": both, "dave": reads}
