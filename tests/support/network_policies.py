"""Evaluates network policies over pods, as the API defines them; connections.py tries what comes of it."""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from support.charts import NAMESPACE, Manifest

Labels = dict[str, str]


@dataclass(frozen=True)
class Pod:
    """One end of a connection; one without labels and namespace is an address outside of the cluster."""

    labels: Labels = field(default_factory=dict)
    namespace: str = NAMESPACE
    ports: dict[str, int] = field(default_factory=dict)
    """The container ports by their names."""
    sidecars: frozenset[str] = frozenset()
    """Those of init containers: several plugins, kube-router among them, find no port by such a name."""
    address: str = ""


def pods_of(objects: Iterable[Manifest]) -> dict[str, Pod]:
    """Return a pod of each component of a release."""
    found = {}
    for item in objects:
        template = item if item["kind"] == "Pod" else item.get("spec", {}).get("template")
        if not template or "containers" not in template["spec"]:
            continue
        sidecars = _ports(template["spec"].get("initContainers", []))
        ports = sidecars | _ports(template["spec"]["containers"])
        labels = template["metadata"]["labels"]
        pod = Pod(labels, ports=ports, sidecars=frozenset(sidecars))
        found[labels["app.kubernetes.io/component"]] = pod
    return found


def _ports(containers: Iterable[Manifest]) -> dict[str, int]:
    return {port["name"]: port["containerPort"] for one in containers for port in one.get("ports", [])}


def allows(objects: Iterable[Manifest], source: Pod, target: Pod, port: int, protocol: str = "TCP") -> bool:
    """Return whether the policies among `objects` let `source` connect to `port` of `target`."""
    policies = [item for item in objects if item["kind"] == "NetworkPolicy"]
    return _passes(policies, "Egress", source, target, target, port, protocol) and _passes(
        policies, "Ingress", target, source, target, port, protocol
    )


def _passes(
    policies: list[Manifest], way: str, pod: Pod, peer: Pod, target: Pod, port: int, protocol: str
) -> bool:
    """Return whether what isolates `pod` in one direction lets the connection with `peer` through."""
    if pod.address:
        return True
    mine = [
        item["spec"]
        for item in policies
        if item["metadata"].get("namespace", NAMESPACE) == pod.namespace
        and way in item["spec"]["policyTypes"]
        and _selects(item["spec"]["podSelector"], pod.labels)
    ]
    rules = [rule for spec in mine for rule in spec.get(way.lower(), [])]
    peers = "from" if way == "Ingress" else "to"
    return not mine or any(
        _has_port(rule.get("ports"), target, port, protocol) and _has_peer(rule.get(peers), peer)
        for rule in rules
    )


def _has_port(ports: list[Any] | None, target: Pod, port: int, protocol: str) -> bool:
    if not ports:
        return True
    return any(
        one.get("protocol", "TCP") == protocol and _number(one["port"], target) == port for one in ports
    )


def _number(port: int | str, pod: Pod) -> int | None:
    """Return the number of a policy's port; None where not every plugin finds it by its name."""
    if isinstance(port, int):
        return port
    return None if port in pod.sidecars else pod.ports.get(port)


def _has_peer(peers: list[Any] | None, pod: Pod) -> bool:
    return not peers or any(_is_peer(peer, pod) for peer in peers)


def _is_peer(peer: Any, pod: Pod) -> bool:
    if "ipBlock" in peer:
        networks = [peer["ipBlock"]["cidr"], *peer["ipBlock"].get("except", [])]
        inside, *left_out = (
            bool(pod.address) and ipaddress.ip_address(pod.address) in ipaddress.ip_network(one)
            for one in networks
        )
        return inside and not any(left_out)
    if pod.address:
        return False
    if "namespaceSelector" in peer:
        name = {"kubernetes.io/metadata.name": pod.namespace}
        is_there = _selects(peer["namespaceSelector"], name)
    else:
        is_there = pod.namespace == NAMESPACE
    return is_there and _selects(peer.get("podSelector", {}), pod.labels)


def _selects(selector: Any, labels: Labels) -> bool:
    assert set(selector) <= {"matchLabels"}, "the charts use no other selectors"
    return all(labels.get(name) == value for name, value in selector.get("matchLabels", {}).items())
