"""A real kube-apiserver with etcd on loopback; without kubelet and controllers, objects stay as written."""

import contextlib
import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from integration.server_process import ServerProcess
from support.ports import free_ports
from support.tools import binary
from support.waiting import until

WRITES = ("create", "update", "patch", "delete", "deletecollection")
ADMIN_TOKEN = "integration-admin"  # noqa: S105  (of a server that lives for one test run)
START_LIMIT_S = 90.0

AUDIT_POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived", "Panic"],
    "rules": [
        # A watch is noted when it begins, since it ends later than the test.
        {"level": "Metadata", "verbs": ["watch"], "omitStages": ["ResponseComplete"]},
        {"level": "Metadata", "omitStages": ["ResponseStarted"]},
    ],
}


@dataclass(frozen=True)
class ApiServer:
    """A running API server, asked by kubectl."""

    url: str
    kubeconfig: Path
    audit_log: Path
    etcd: ServerProcess
    process: ServerProcess

    def wait_until_ready(self) -> None:
        """Wait until it answers, as after a start."""
        _wait_until_ready(self.url, self.process.log_file)

    def kubectl(self, *arguments: str, manifest: object = None, text: str = "", check: bool = True) -> str:
        """Run kubectl and return what it prints (stdout and stderr). Raises AssertionError on failure.

        It reads `manifest` from its standard input, or `text`.
        """
        result = self._kubectl(*arguments, manifest=manifest, text=text)
        assert result.returncode == 0 or not check, result.stderr
        return result.stdout + result.stderr

    def refusal(self, *arguments: str, manifest: object = None) -> str:
        """Run kubectl, which must fail, and return why."""
        result = self._kubectl(*arguments, manifest=manifest)
        assert result.returncode != 0, f"not refused: {result.stdout}"
        return result.stderr

    def get(self, kind: str, name: str = "", *, namespace: str = "default", selector: str = "") -> Any:
        """Return an object, or a list's items, as parsed JSON; None if the object is not there."""
        arguments = ["get", kind, "-n", namespace, "-o", "json", "--ignore-not-found"]
        text = self.kubectl(*arguments, *filter(None, [name, selector and f"--selector={selector}"]))
        parsed = json.loads(text) if text.strip() else None
        return parsed if name else (parsed or {}).get("items", [])

    def writes(self, user: str, namespace: str, since: int = 0) -> list[str]:
        """Return "verb resource/name" for each write of `user` in `namespace` after `since` lines of the log.

        Only there: elsewhere the operator may still be clearing up after the test before. A dry run is none.
        """
        return [_named(e) for e in self._audited(user, namespace, since) if not _is_dry_run(e)]

    def dry_runs(self, user: str, namespace: str, since: int = 0) -> list[str]:
        """Return "verb resource/name" for each write that `user` only tried, as `writes` does."""
        return [_named(e) for e in self._audited(user, namespace, since) if _is_dry_run(e)]

    def _audited(self, user: str, namespace: str, since: int) -> list[Any]:
        lines = self.audit_log.read_text(encoding="utf-8").splitlines()[since:]
        events = [json.loads(line) for line in lines]
        return [
            event
            for event in events
            if event["user"]["username"] == user
            and event["verb"] in WRITES
            and event["objectRef"].get("namespace") == namespace
        ]

    def rights_used(self, user: str, since: int = 0) -> set[tuple[str, str, str]]:
        """Return verb, group and resource of each request of `user` after `since` lines of the log."""
        lines = self.audit_log.read_text(encoding="utf-8").splitlines()[since:]
        used = set()
        for event in map(json.loads, lines):
            ref = event.get("objectRef", {})
            if event["user"]["username"] == user and ref.get("resource"):
                resource = "/".join(filter(None, [ref["resource"], ref.get("subresource")]))
                used.add((event["verb"], ref.get("apiGroup", ""), resource))
        return used

    def audit_lines(self) -> int:
        """Return the length of the audit log, to count from."""
        return len(self.audit_log.read_text(encoding="utf-8").splitlines())

    def _kubectl(self, *arguments: str, manifest: object, text: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(binary("kubectl")), f"--kubeconfig={self.kubeconfig}", *arguments],
            input=text or (None if manifest is None else yaml.safe_dump(manifest)),
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )


def _named(event: Any) -> str:
    return f"{event['verb']} {event['objectRef']['resource']}/{event['objectRef'].get('name', '')}"


def _is_dry_run(event: Any) -> bool:
    return "dryRun=All" in event["requestURI"]


@contextlib.contextmanager
def running_apiserver(
    folder: Path,
    tokens: dict[str, str],
    *,
    service_range: str = "127.97.0.0/24",
    without: tuple[str, ...] = ("ServiceAccount",),
) -> Iterator[ApiServer]:
    """Start etcd and kube-apiserver with their files in `folder`; stop both at the end.

    tokens: user name by token, beside the administrator's; they have no rights until RBAC gives some.
    service_range: of loopback, so that a test can answer at a Service's address. without: admission plugins
    that wait for a controller which does not run; without any, no namespace ever gets its service account.
    Raises pytest.fail.Exception with the log's end if it does not come up.
    """
    etcd_port, peer_port, port = free_ports(3)
    url = f"https://127.0.0.1:{port}"
    etcd_url = f"http://127.0.0.1:{etcd_port}"
    server = ApiServer(
        url,
        folder / "kubeconfig",
        folder / "audit.log",
        ServerProcess(_etcd(folder, etcd_url, f"http://127.0.0.1:{peer_port}"), folder),
        ServerProcess(_kube_apiserver(folder, url, etcd_url, service_range, without), folder),
    )
    _write_files(folder, server, tokens)
    with server.etcd.running(), server.process.running():
        server.wait_until_ready()
        yield server


def _etcd(folder: Path, url: str, peer_url: str) -> list[str]:
    return [
        shutil.which("etcd") or pytest.fail("there is no etcd; run `make packages`", pytrace=False),
        f"--data-dir={folder}/etcd",
        f"--listen-client-urls={url}",
        f"--advertise-client-urls={url}",
        f"--listen-peer-urls={peer_url}",
        f"--initial-advertise-peer-urls={peer_url}",
        f"--initial-cluster=default={peer_url}",
        "--unsafe-no-fsync",
    ]


def _kube_apiserver(
    folder: Path, url: str, etcd_url: str, service_range: str, without: tuple[str, ...]
) -> list[str]:
    return [
        str(binary("kube-apiserver")),
        f"--etcd-servers={etcd_url}",
        "--bind-address=127.0.0.1",
        f"--secure-port={url.rpartition(':')[2]}",
        f"--cert-dir={folder}/certs",
        f"--service-cluster-ip-range={service_range}",
        f"--service-account-issuer={url}",
        f"--service-account-signing-key-file={folder}/sa.key",
        f"--service-account-key-file={folder}/sa.key",
        f"--token-auth-file={folder}/tokens.csv",
        "--authorization-mode=RBAC",
        f"--disable-admission-plugins={','.join(without)}",
        f"--audit-policy-file={folder}/audit-policy.yaml",
        f"--audit-log-path={folder}/audit.log",
        "--endpoint-reconciler-type=none",
        # Debian's etcd is too old for lists as streams: a client that asks for one would try for long.
        "--feature-gates=WatchList=false",
    ]


def _write_files(folder: Path, server: ApiServer, tokens: dict[str, str]) -> None:
    subprocess.run(["openssl", "genrsa", "-out", f"{folder}/sa.key", "2048"], check=True, capture_output=True)
    lines = [f'{ADMIN_TOKEN},admin,admin,"system:masters"']
    lines += [f"{token},{user},{user}" for token, user in tokens.items()]
    (folder / "tokens.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "audit-policy.yaml").write_text(yaml.safe_dump(AUDIT_POLICY), encoding="utf-8")
    write_kubeconfig(server.kubeconfig, server.url, ADMIN_TOKEN)


def write_kubeconfig(path: Path, url: str, token: str) -> None:
    """Write a kubeconfig for `token`; the self-signed certificate, on loopback, is not checked."""
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "it", "cluster": {"server": url, "insecure-skip-tls-verify": True}}],
        "users": [{"name": "it", "user": {"token": token}}],
        "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
        "current-context": "it",
    }
    path.write_text(yaml.safe_dump(config), encoding="utf-8")


def _wait_until_ready(url: str, log_file: Path) -> None:
    headers = {"Authorization": f"Bearer {ADMIN_TOKEN}"}

    def log() -> str:
        text = log_file.read_text(encoding="utf-8", errors="replace")
        return f"kube-apiserver is ready:\n{text[-3000:]}"

    with httpx.Client(base_url=url, headers=headers, timeout=5, verify=False) as client:  # noqa: S501  (loopback)
        until(lambda: _is_ready(client), START_LIMIT_S, log, poll_s=0.2)


def _is_ready(client: httpx.Client) -> bool:
    try:
        return client.get("/readyz").status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False
