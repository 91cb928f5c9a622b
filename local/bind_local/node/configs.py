"""The configuration files of the node's processes, as text; nothing here touches the machine."""

import json
from typing import Any

import yaml

from bind_local import topology as net
from bind_local.paths import RUN, Paths
from bind_local.programs.modules import KUBERNETES, PAUSE

CNI_PLUGINS = "/usr/lib/cni"
CRI = "io.containerd.grpc.v1.cri"
UNWANTED = ("io.containerd.internal.v1.opt", "io.containerd.nri.v1.nri")
"""Plugins of containerd that look outside: programs in /opt/containerd/bin would go before all others, and
plugins of this machine could change the pods."""


def build_files(paths: Paths, upstream_dns: str) -> dict[str, str]:
    """Return the text of each file, by its path below `paths.cluster`.

    upstream_dns: a resolv.conf of this machine.
    """
    return {
        "kubeadm.yaml": yaml.safe_dump_all(kubeadm(paths)),
        "kubelet.yaml": yaml.safe_dump(kubelet(paths)),
        "proxy.yaml": yaml.safe_dump(kube_proxy(paths)),
        "cni/10-pods.conflist": json.dumps(cni(paths)),
        "containerd.toml": containerd(paths),
        "containerd-plain.toml": containerd_plain(paths),
        "Corefile": corefile(paths, upstream_dns),
        "resolv.conf": f"nameserver {net.NODE_IP}\n",
        "registry.yaml": yaml.safe_dump(registry(paths)),
        **{
            f"certs.d/{host}/hosts.toml": mirror()
            for host in (*net.MIRRORED, net.REGISTRY, net.LOOPBACK_REGISTRY)
        },
    }


def kubeadm(paths: Paths) -> list[dict[str, Any]]:
    """Return what kubeadm needs to make certificates and kubeconfigs; it starts nothing."""
    api = "kubeadm.k8s.io/v1beta4"
    return [
        {
            "apiVersion": api,
            "kind": "InitConfiguration",
            "localAPIEndpoint": {"advertiseAddress": net.NODE_IP, "bindPort": net.API_PORT},
            "nodeRegistration": {"name": net.NODE, "criSocket": f"unix://{net.CONTAINERD_SOCKET}"},
        },
        {
            "apiVersion": api,
            "kind": "ClusterConfiguration",
            "clusterName": net.CLUSTER,
            "kubernetesVersion": f"v{KUBERNETES.version()}",
            "certificatesDir": str(paths.pki),
            "controlPlaneEndpoint": f"{net.NODE_IP}:{net.API_PORT}",
            # RSA keys would take longer than the rest of the start.
            "encryptionAlgorithm": "ECDSA-P256",
            "networking": {"serviceSubnet": net.SERVICE_CIDR, "podSubnet": net.POD_CIDR},
        },
    ]


def kubelet(paths: Paths) -> dict[str, Any]:
    """Return kubelet's configuration."""
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(paths.pki / "ca.crt")},
        },
        "authorization": {"mode": "Webhook"},
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{net.CGROUP}",
        "failCgroupV1": False,
        "failSwapOn": False,
        "containerRuntimeEndpoint": f"unix://{net.CONTAINERD_SOCKET}",
        "clusterDNS": [net.NODE_IP],
        "clusterDomain": "cluster.local",
        "resolvConf": str(paths.cluster / "resolv.conf"),
        "volumePluginDir": f"{net.KUBELET_ROOT}/volume-plugins",
        "serializeImagePulls": False,
        "registryPullQPS": 0,
        # Images are pruned by `make images`. A disk that is full of other things must not cost the images.
        "imageGCHighThresholdPercent": 100,
        "evictionHard": {
            "memory.available": "100Mi",
            "nodefs.available": "1%",
            "nodefs.inodesFree": "1%",
            "imagefs.available": "1%",
        },
    }


def kube_proxy(paths: Paths) -> dict[str, Any]:
    """Return kube-proxy's configuration."""
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "clientConnection": {"kubeconfig": str(paths.kubeconfig)},
        "clusterCIDR": net.POD_CIDR,
        "hostnameOverride": net.NODE,
        "mode": "iptables",
        # The size of the machine's connection table is not the cluster's to change.
        "conntrack": {"maxPerCore": 0, "min": 0},
    }


def cni(paths: Paths) -> dict[str, Any]:
    """Return the pods' network: one bridge, addresses from the node's range, masquerade towards outside."""
    return {
        "cniVersion": "0.4.0",
        "name": "pods",
        "plugins": [
            {
                "type": "bridge",
                "bridge": net.POD_BRIDGE,
                "isGateway": True,
                "ipMasq": True,
                "hairpinMode": True,
                "ipam": {
                    "type": "host-local",
                    "ranges": [[{"subnet": net.POD_CIDR}]],
                    "routes": [{"dst": "0.0.0.0/0"}],
                    "dataDir": str(paths.cluster / "cni-addresses"),
                },
            },
            {"type": "portmap", "capabilities": {"portMappings": True}},
        ],
    }


def containerd(paths: Paths) -> str:
    """Return containerd's configuration (TOML)."""
    images, runtime = 'plugins."io.containerd.cri.v1.images"', 'plugins."io.containerd.cri.v1.runtime"'
    # restrict_oom_score_adj: without the capability SYS_RESOURCE, as in many virtual machines and
    # containers, every sandbox would die with "can't get final child's PID from pipe: EOF".
    # discard_unpacked_layers: the registry has the layers; a second compressed copy would cost gigabytes.
    # use_local_image_pull: the newer way of pulling cannot discard them.
    return f"""\
version = 3
root = "{paths.containerd}"
state = "{RUN}/containerd"
disabled_plugins = {json.dumps(UNWANTED)}

[grpc]
  address = "{net.CONTAINERD_SOCKET}"

[{images}]
  discard_unpacked_layers = true
  use_local_image_pull = true

  [{images}.pinned_images]
    sandbox = "{net.LOOPBACK_REGISTRY}/bindvectorizer/pause:{PAUSE.key()}"

  [{images}.registry]
    config_path = "{paths.cluster}/certs.d"

[{runtime}]
  restrict_oom_score_adj = true

  [{runtime}.cni]
    bin_dirs = ["{CNI_PLUGINS}"]
    conf_dir = "{paths.cluster}/cni"
"""


def containerd_plain(paths: Paths) -> str:
    """Return the configuration of a containerd without its CRI plugin, so that it serves no kubelet.

    The plugins that CRI uses stay: without the one for sandboxes none could be removed (stale_pods.py).
    """
    return f"""\
version = 3
root = "{paths.containerd}"
state = "{RUN}/containerd-plain"
disabled_plugins = {json.dumps((CRI, *UNWANTED))}

[grpc]
  address = "{net.PLAIN_SOCKET}"
"""


def mirror() -> str:
    """Return the hosts.toml that sends pulls to the local registry, and nowhere else."""
    url = f"http://{net.LOOPBACK_REGISTRY}"
    return f'server = "{url}"\n\n[host."{url}"]\n  capabilities = ["pull", "resolve"]\n'


def registry(paths: Paths) -> dict[str, Any]:
    """Return the registry's configuration. Its address is reachable from this machine only (topology.py)."""
    return {
        "version": 0.1,
        "log": {"level": "warn", "accesslog": {"disabled": True}},
        "storage": {
            "filesystem": {"rootdirectory": str(paths.registry)},
            "delete": {"enabled": True},
            "cache": {"blobdescriptor": "inmemory"},
        },
        "http": {"addr": f"0.0.0.0:{net.REGISTRY_PORT}"},
    }


def corefile(paths: Paths, upstream_dns: str) -> str:
    """Return CoreDNS's configuration: the cluster's names, and all others as this machine resolves them."""
    return f""".:53 {{
  bind {net.NODE_IP}
  errors
  kubernetes cluster.local in-addr.arpa ip6.arpa {{
    kubeconfig {paths.kubeconfig}
    pods insecure
    ttl 5
  }}
  forward . {upstream_dns}
  cache 5
}}
"""
