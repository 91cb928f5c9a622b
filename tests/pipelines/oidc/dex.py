"""A real issuer of OpenID Connect (Dex) on loopback, with users, groups and clients, and its tokens."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from integration.server_process import ServerProcess
from support.ports import free_ports
from support.tools import binary
from support.waiting import until

PASSWORD = "password"  # noqa: S105  (of an issuer that lives for one test run)
_HASH = "$2a$10$2b2cU8CPhOTaGrs1HRQuAueS7JTT5ZHsHSzYiFPm1leZck7Mc8T4W"
TOKEN_S = 8
"""So long a token lives."""
USERS = {"alice": ["search-admins"], "bob": ["search-users"], "carol": ["sales"], "dave": []}
"""Their groups; the sample of a resource names the first two."""
SECRET = "the-machine-s-secret"  # noqa: S105
CLIENTS: list[dict[str, Any]] = [
    {"id": "weaviate", "name": "Weaviate", "public": True},
    {"id": "another", "name": "Another application", "public": True},
    {
        "id": "machine",
        "name": "indexer",
        "secret": SECRET,
        "clientCredentialsClaims": {"groups": ["search-admins"]},
    },
]
GRANTS = ["authorization_code", "refresh_token", "password", "client_credentials"]
Token = dict[str, Any]


@dataclass
class Dex:
    """One that runs. Its keys are made when it starts and known to nobody else."""

    issuer: str
    address: str
    """It listens there, which the issuer's name need not say."""
    process: ServerProcess
    config: Path

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self.process.start()
        until(self._answers, 20, "the issuer answers", poll_s=0.1)

    def start_anew(self) -> None:
        """Let it forget all that it knew, its keys too."""
        self.process.stop()
        config = json.loads(self.config.read_text(encoding="utf-8"))
        config["storage"]["config"]["namespace"] += "again/"
        self.config.write_text(json.dumps(config), encoding="utf-8")
        self.start()

    def token(
        self, user: str, client: str = "weaviate", scope: str = "openid email groups offline_access"
    ) -> Token:
        """Return what the issuer gives a user for a password."""
        form = {"grant_type": "password", "username": email(user), "password": PASSWORD}
        return self._post(form | {"client_id": client, "scope": scope})

    def access_token(self, user: str, client: str = "weaviate") -> str:
        """Return the token alone that a client shows."""
        return str(self.token(user, client)["access_token"])

    def machine_token(self) -> str:
        """Return a token of the client that has a secret, which is nobody's in particular."""
        form = {"grant_type": "client_credentials", "client_id": "machine", "client_secret": SECRET}
        return str(self._post(form | {"scope": "openid groups"})["access_token"])

    def _post(self, form: dict[str, str]) -> Token:
        # Its certificate is of nobody whom this machine knows.
        answer = httpx.post(f"{self.address}/dex/token", data=form, timeout=20, verify=False)  # noqa: S501
        found: Token = answer.raise_for_status().json()
        return found

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.address}/dex/healthz", verify=False).is_success  # noqa: S501
        except httpx.HTTPError:
            return False


def email(user: str) -> str:
    """Return the address by which a user logs in, which is the user's name in the sample of a resource."""
    return f"{user}@example.com"


def dex(
    folder: Path,
    issuer: str = "",
    *,
    etcd: str = "",
    host: str = "127.0.0.1",
    certificate: Path | None = None,
) -> Dex:
    """Return a Dex that is not started yet. issuer: it says that it is that one; empty: what it is.

    etcd: it keeps what it knows there; empty: in memory, by which it cannot renew tokens (it waits for a
    lock of its own). certificate: a file beside which its key is; None: plain HTTP.
    """
    (port,) = free_ports(1, host)
    scheme = "https" if certificate else "http"
    address = f"{scheme}://{host}:{port}"
    web = {scheme: f"{host}:{port}"}
    if certificate is not None:
        web |= {"tlsCert": str(certificate), "tlsKey": str(certificate.with_suffix(".key"))}
    storage: dict[str, Any] = {"type": "memory"}
    if etcd:
        storage = {"type": "etcd", "config": {"endpoints": [etcd], "namespace": "dex/"}}
    config = {
        "issuer": issuer or f"{address}/dex",
        "storage": storage,
        "web": web,
        "oauth2": {"grantTypes": GRANTS, "passwordConnector": "local", "skipApprovalScreen": True},
        "expiry": {"idTokens": f"{TOKEN_S}s"},
        "enablePasswordDB": True,
        "staticClients": CLIENTS,
        "staticPasswords": [
            {"email": email(name), "username": name, "userID": f"id-{name}", "hash": _HASH, "groups": groups}
            for name, groups in USERS.items()
        ],
    }
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "dex.json"
    file.write_text(json.dumps(config), encoding="utf-8")
    command = [str(binary("dex")), "serve", str(file)]
    return Dex(config["issuer"], address, ServerProcess(command, folder), file)  # type: ignore[arg-type]


@contextmanager
def running(found: Dex) -> Iterator[Dex]:
    """Run one until the block ends."""
    found.start()
    try:
        yield found
    finally:
        found.process.stop()
