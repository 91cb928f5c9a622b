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

from support.ports import free_ports
from support.processes import die_with_parent
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
    server = ApiServer(f"https://127.0.0.1:{port}", folder / "kubeconfig", folder / "audit.log")
    _write_files(folder, server, tokens)
    etcd = shutil.which("etcd") or pytest.fail("there is no etcd; run `make packages`", pytrace=False)
    etcd_url = f"http://127.0.0.1:{etcd_port}"
    peer_url = f"http://127.0.0.1:{peer_port}"
    commands = [
        [
            etcd,
            f"--data-dir={folder}/etcd",
            f"--listen-client-urls={etcd_url}",
            f"--advertise-client-urls={etcd_url}",
            f"--listen-peer-urls={peer_url}",
            f"--initial-advertise-peer-urls={peer_url}",
            f"--initial-cluster=default={peer_url}",
            "--unsafe-no-fsync",
        ],
        [
            str(binary("kube-apiserver")),
            f"--etcd-servers={etcd_url}",
            "--bind-address=127.0.0.1",
            f"--secure-port={port}",
            f"--cert-dir={folder}/certs",
            f"--service-cluster-ip-range={service_range}",
            f"--service-account-issuer={server.url}",
            f"--service-account-signing-key-file={folder}/sa.key",
            f"--service-account-key-file={folder}/sa.key",
            f"--token-auth-file={folder}/tokens.csv",
            "--authorization-mode=RBAC",
            f"--disable-admission-plugins={','.join(without)}",
            f"--audit-policy-file={folder}/audit-policy.yaml",
            f"--audit-log-path={server.audit_log}",
            "--endpoint-reconciler-type=none",
            # Debian's etcd is too old for lists as streams: a client that asks for one would try for long.
            "--feature-gates=WatchList=false",
        ],
    ]
    with contextlib.ExitStack() as stack:
        for command in commands:
            stack.enter_context(running_process(command, folder))
        _wait_until_ready(server.url, folder)
        yield server


@contextlib.contextmanager
def running_process(command: list[str], folder: Path) -> Iterator[None]:
    """Run `command`, with its log in `folder`, until the block ends."""
    log = folder / f"{Path(command[0]).name}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, preexec_fn=die_with_parent)
        try:
            yield
        finally:
            process.terminate()
            try:
                process.wait(timeout=2)  # The API server would wait for its clients' watches.
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


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


def _wait_until_ready(url: str, folder: Path) -> None:
    headers = {"Authorization": f"Bearer {ADMIN_TOKEN}"}

    def log() -> str:
        text = (folder / "kube-apiserver.log").read_text(encoding="utf-8", errors="replace")
        return f"kube-apiserver is ready:\n{text[-3000:]}"

    with httpx.Client(base_url=url, headers=headers, timeout=5, verify=False) as client:  # noqa: S501  (loopback)
        until(lambda: _is_ready(client), START_LIMIT_S, log, poll_s=0.2)


def _is_ready(client: httpx.Client) -> bool:
    try:
        return client.get("/readyz").status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False
