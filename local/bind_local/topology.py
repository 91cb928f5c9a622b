"""The names, addresses and sockets of the local cluster, each written down once.

The node lives in namespaces of its own (network, mounts, processes), so its interfaces, firewall rules and
mounts are gone when its first process is. A veth pair joins it to this machine, which routes pods and
services to it.
"""

from pathlib import Path

from bind_local.paths import RUN

CLUSTER = "bindvectorizer"
CONTEXT = "bindvectorizer-local"
NODE = "local"

HOST_LINK = "bv0"
NODE_LINK = "eth0"
POD_BRIDGE = "pods0"
HOST_IP = "10.240.0.2"
NODE_IP = "10.240.0.1"
POD_CIDR = "10.244.0.0/24"
SERVICE_CIDR = "10.96.0.0/16"

API_PORT = 6443
ETCD = "127.0.0.1:2379"
ETCD_PEER = "127.0.0.1:2380"
REGISTRY_PORT = 5000
REGISTRY = f"{NODE_IP}:{REGISTRY_PORT}"
LOOPBACK_REGISTRY = f"127.0.0.1:{REGISTRY_PORT}"
MIRRORED = ("ghcr.io", "cr.weaviate.io", "docker.io")
"""Registries whose images the node pulls from the local registry, by their real names."""

CONTAINERD_SOCKET = RUN / "containerd.sock"
PLAIN_SOCKET = RUN / "containerd-plain.sock"
KUBELET_ROOT = "/var/lib/kubelet"

PROVISIONER = "bindvectorizer.dev/local-folder"
STORAGE_CLASS = "local"

CGROUP = "bindvectorizer"
CGROUPS = Path("/sys/fs/cgroup")
NFT_TABLE = "bindvectorizer"
