"""Volumes that one node mounts at a time, and the attacher's words for a pod that waits for one elsewhere."""

import contextlib
import json
import threading
from collections.abc import Iterator
from typing import Any

from integration.apiserver import ApiServer

ANNOTATION = "control-plane.test/volumes"
IS_ATTACHED = (
    "if any(.spec.volumes[]?; .persistentVolumeClaim) "
    f'then .metadata.annotations["{ANNOTATION}"] else "yes" end'
)
"""kwok's expression: a pod with a claim becomes ready once the attacher has marked it."""
POLL_S = 0.2

Object = dict[str, Any]


@contextlib.contextmanager
def attaching(server: ApiServer) -> Iterator[None]:
    """Attach the claims of pods until the block ends."""
    ended = threading.Event()

    def run() -> None:
        told: set[str] = set()
        while not ended.wait(POLL_S):
            # At the end the API server is stopped before the thread looks again.
            with contextlib.suppress(AssertionError):
                _attach(server, told)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _attach(server: ApiServer, told: set[str]) -> None:
    pods = json.loads(server.kubectl("get", "pods", "-A", "-o", "json"))["items"]
    claims = json.loads(server.kubectl("get", "pvc", "-A", "-o", "json"))["items"]
    single = {_claim_key(claim) for claim in claims if claim["spec"]["accessModes"] == ["ReadWriteOnce"]}
    holders: dict[tuple[str, str], tuple[str, str]] = {}
    for pod in filter(_is_attached, pods):
        for claim in _claims_of(pod):
            holders[claim] = (pod["spec"]["nodeName"], pod["metadata"]["name"])
    for pod in pods:
        node = pod["spec"].get("nodeName")
        if node is None or _is_attached(pod) or "deletionTimestamp" in pod["metadata"]:
            continue
        wanted = _claims_of(pod)
        elsewhere = [
            holders[one][1] for one in wanted if one in single and holders.get(one, (node,))[0] != node
        ]
        if elsewhere:
            _refuse(server, pod, elsewhere[0], told)
        elif wanted:
            holders |= dict.fromkeys(wanted, (node, pod["metadata"]["name"]))
            meta = pod["metadata"]
            server.kubectl("annotate", "pod", meta["name"], "-n", meta["namespace"], f"{ANNOTATION}=yes")


def _refuse(server: ApiServer, pod: Object, holder: str, told: set[str]) -> None:
    """Say once, as the attach and detach controller does, why `pod` does not start."""
    meta = pod["metadata"]
    if meta["uid"] in told:
        return
    told.add(meta["uid"])
    waiting = {"state": {"waiting": {"reason": "ContainerCreating"}}, "ready": False, "restartCount": 0}
    containers = [
        {"name": container["name"], "image": container["image"], "imageID": "", **waiting}
        for container in pod["spec"]["containers"]
    ]
    patch = json.dumps({"status": {"phase": "Pending", "containerStatuses": containers}})
    where = ("-n", meta["namespace"], "--subresource=status", "--type=merge")
    server.kubectl("patch", "pod", meta["name"], *where, "-p", patch)
    event = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{meta['name']}.attach", "namespace": meta["namespace"]},
        "involvedObject": {
            "apiVersion": "v1",
            "kind": "Pod",
            "name": meta["name"],
            "namespace": meta["namespace"],
            "uid": meta["uid"],
        },
        "reason": "FailedAttachVolume",
        "message": f'Multi-Attach error for volume "cache" Volume is already used by pod(s) {holder}',
        "type": "Warning",
        "source": {"component": "attachdetach-controller"},
    }
    server.kubectl("create", "-f", "-", manifest=event)


def _claims_of(pod: Object) -> list[tuple[str, str]]:
    volumes = pod["spec"].get("volumes", [])
    names = [one["persistentVolumeClaim"]["claimName"] for one in volumes if "persistentVolumeClaim" in one]
    return [(pod["metadata"]["namespace"], name) for name in names]


def _claim_key(claim: Object) -> tuple[str, str]:
    return claim["metadata"]["namespace"], claim["metadata"]["name"]


def _is_attached(pod: Object) -> bool:
    return pod["metadata"].get("annotations", {}).get(ANNOTATION) == "yes"
