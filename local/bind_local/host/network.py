"""The network link between this machine and the node, and the firewall rule that lets the node out."""

import subprocess

from bind_local import command
from bind_local import topology as net

REMEDY = (
    "root with the capability NET_ADMIN is needed, and the addresses 10.240.0.0/30, 10.244/16, 10.96/16 free"
)
EGRESS = f"""\
table ip {net.NFT_TABLE} {{
  chain postrouting {{
    type nat hook postrouting priority srcnat;
    ip saddr {net.NODE_IP} oifname != "{net.HOST_LINK}" masquerade
  }}
}}
"""
"""The rules are a table of our own, which comes and goes in one piece and touches nobody else's."""


def connect(init_pid: int) -> None:
    """Join the network namespace of the node's first process to this machine. Raises CommandFailed."""
    _ip("link", "add", net.HOST_LINK, "type", "veth", "peer", "name", net.NODE_LINK, "netns", str(init_pid))
    _ip("address", "add", net.HOST_IP, "peer", net.NODE_IP, "dev", net.HOST_LINK)
    _ip("link", "set", net.HOST_LINK, "up")
    for addresses in (net.POD_CIDR, net.SERVICE_CIDR):
        _ip("route", "add", addresses, "via", net.NODE_IP, "dev", net.HOST_LINK)
    command.output(["nft", "-f", "-"], remedy=REMEDY, stdin=EGRESS)


def node_setup() -> tuple[tuple[str, ...], ...]:
    """Return the commands that the node's first process runs for its side of the link."""
    return (
        ("ip", "link", "set", "lo", "up"),
        ("ip", "address", "add", net.NODE_IP, "peer", net.HOST_IP, "dev", net.NODE_LINK),
        ("ip", "link", "set", net.NODE_LINK, "up"),
        ("ip", "route", "add", "default", "via", net.HOST_IP),
        ("sysctl", "-qw", "net.ipv4.ip_forward=1"),
        # Without it a pod that calls its own node's service gets answers from an address it never called.
        ("sysctl", "-qw", "net.bridge.bridge-nf-call-iptables=1"),
    )


def link_exists() -> bool:
    """Say whether our end of the link is there."""
    return _succeeds("ip", "link", "show", net.HOST_LINK)


def table_exists() -> bool:
    """Say whether our table of firewall rules is there."""
    return _succeeds("nft", "list", "table", "ip", net.NFT_TABLE)


def disconnect() -> None:
    """Remove what `connect` made; the routes go with the link."""
    if link_exists():
        _ip("link", "delete", net.HOST_LINK)
    if table_exists():
        command.output(["nft", "delete", "table", "ip", net.NFT_TABLE], remedy=REMEDY)


def _ip(*args: str) -> None:
    command.output(["ip", *args], remedy=REMEDY)


def _succeeds(*argv: str) -> bool:
    try:
        return subprocess.run(argv, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False
