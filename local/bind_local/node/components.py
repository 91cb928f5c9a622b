"""The node's processes: which program each is, with which flags, and what it waits for."""

from bind_local import topology as net
from bind_local.node.units import Unit
from bind_local.paths import LOCAL, Paths
from bind_local.programs.modules import CONTAINERD, COREDNS, KUBE_ROUTER, KUBERNETES, PROVISIONER

NO_TRACES = {"OTEL_TRACES_EXPORTER": "none"}
"""The registry would look for a collector of traces on this machine."""
SYSTEM_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
"""Where Debian puts runc, and iptables for the network plugins."""


def build_units(paths: Paths, python: str) -> tuple[Unit, ...]:
    """Return all units, each after those it waits for. python: the interpreter that runs our oneshots."""
    return (
        _etcd(paths),
        _api_server(paths),
        _controller_manager(paths),
        _scheduler(paths),
        _registry_gc(paths, python),
        _registry(paths),
        _stale_pods(paths, python),
        _containerd(paths),
        _kubelet(paths),
        _kube_proxy(paths),
        _node_registered(paths),
        _kube_router(paths),
        _coredns(paths),
        _provisioner(paths),
    )


def _etcd(paths: Paths) -> Unit:
    argv = (
        "etcd",
        f"--data-dir={paths.cluster}/etcd",
        f"--listen-client-urls=http://{net.ETCD}",
        f"--advertise-client-urls=http://{net.ETCD}",
        f"--listen-peer-urls=http://{net.ETCD_PEER}",
        f"--initial-advertise-peer-urls=http://{net.ETCD_PEER}",
        f"--initial-cluster=default=http://{net.ETCD_PEER}",
        # The data goes with the cluster: there is nothing to keep over a power cut.
        "--unsafe-no-fsync",
        "--logger=zap",
        "--log-level=warn",
    )
    return Unit("etcd", argv, ready=f"tcp:{net.ETCD}")


def _api_server(paths: Paths) -> Unit:
    pki = paths.pki
    argv = (
        str(KUBERNETES.home(paths) / "kube-apiserver"),
        f"--etcd-servers=http://{net.ETCD}",
        f"--advertise-address={net.NODE_IP}",
        f"--secure-port={net.API_PORT}",
        f"--service-cluster-ip-range={net.SERVICE_CIDR}",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        "--allow-privileged",
        f"--client-ca-file={pki}/ca.crt",
        f"--tls-cert-file={pki}/apiserver.crt",
        f"--tls-private-key-file={pki}/apiserver.key",
        f"--kubelet-client-certificate={pki}/apiserver-kubelet-client.crt",
        f"--kubelet-client-key={pki}/apiserver-kubelet-client.key",
        # The node's name is in no DNS: without this, logs and exec do not find kubelet.
        "--kubelet-preferred-address-types=InternalIP",
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
        f"--service-account-key-file={pki}/sa.pub",
        f"--service-account-signing-key-file={pki}/sa.key",
        f"--requestheader-client-ca-file={pki}/front-proxy-ca.crt",
        "--requestheader-allowed-names=front-proxy-client",
        "--requestheader-extra-headers-prefix=X-Remote-Extra-",
        "--requestheader-group-headers=X-Remote-Group",
        "--requestheader-username-headers=X-Remote-User",
        f"--proxy-client-cert-file={pki}/front-proxy-client.crt",
        f"--proxy-client-key-file={pki}/front-proxy-client.key",
    )
    return Unit("kube-apiserver", argv, after=("etcd",), ready=f"https://{net.NODE_IP}:{net.API_PORT}/readyz")


def _controller_manager(paths: Paths) -> Unit:
    return _controller(
        paths,
        "kube-controller-manager",
        "--use-service-account-credentials",
        "--allocate-node-cidrs",
        f"--cluster-cidr={net.POD_CIDR}",
        "--node-cidr-mask-size=24",
        f"--cluster-signing-cert-file={paths.pki}/ca.crt",
        f"--cluster-signing-key-file={paths.pki}/ca.key",
        f"--root-ca-file={paths.pki}/ca.crt",
        f"--service-account-private-key-file={paths.pki}/sa.key",
        f"--flex-volume-plugin-dir={net.KUBELET_ROOT}/volume-plugins",
    )


def _scheduler(paths: Paths) -> Unit:
    return _controller(paths, "kube-scheduler")


def _controller(paths: Paths, name: str, *flags: str) -> Unit:
    """Return a control-plane process that works through the API server, with a kubeconfig of its own."""
    conf = f"{paths.cluster}/{name.removeprefix('kube-')}.conf"
    argv = (
        str(KUBERNETES.home(paths) / name),
        f"--kubeconfig={conf}",
        f"--authentication-kubeconfig={conf}",
        f"--authorization-kubeconfig={conf}",
        "--bind-address=127.0.0.1",
        "--leader-elect=false",  # because there is one of each
        *flags,
    )
    return Unit(name, argv, after=("kube-apiserver",))


def _registry_gc(paths: Paths, python: str) -> Unit:
    return _oneshot(python, "registry_gc", f"{paths.cluster}/registry.yaml", str(paths.registry))


def _registry(paths: Paths) -> Unit:
    argv = ("docker-registry", "serve", f"{paths.cluster}/registry.yaml")
    ready = f"tcp:{net.LOOPBACK_REGISTRY}"
    return Unit("registry", argv, after=("registry-gc",), ready=ready, env=NO_TRACES)


def _stale_pods(paths: Paths, python: str) -> Unit:
    config = f"{paths.cluster}/containerd-plain.toml"
    return _oneshot(python, "stale_pods", str(CONTAINERD.home(paths)), config, str(net.PLAIN_SOCKET))


def _oneshot(python: str, module: str, *args: str) -> Unit:
    """Return the unit that runs a module of this folder to its end, and is named after it."""
    argv = (python, "-m", f"bind_local.node.{module}", *args)
    env = {"PYTHONPATH": str(LOCAL), **NO_TRACES}
    return Unit(module.replace("_", "-"), argv, oneshot=True, env=env)


def _containerd(paths: Paths) -> Unit:
    home = CONTAINERD.home(paths)
    argv = (str(home / "containerd"), "--config", f"{paths.cluster}/containerd.toml", "--log-level", "warn")
    return Unit(
        "containerd",
        argv,
        after=("stale-pods",),
        ready=f"unix:{net.CONTAINERD_SOCKET}",
        # It finds its shim by the PATH, where this machine may have that of another containerd.
        env={"PATH": f"{home}:{SYSTEM_PATH}"},
    )


def _kubelet(paths: Paths) -> Unit:
    argv = (
        str(KUBERNETES.home(paths) / "kubelet"),
        f"--config={paths.cluster}/kubelet.yaml",
        f"--kubeconfig={paths.cluster}/kubelet.conf",
        f"--root-dir={net.KUBELET_ROOT}",
        f"--hostname-override={net.NODE}",
        f"--node-ip={net.NODE_IP}",
    )
    return Unit("kubelet", argv, after=("kube-apiserver", "containerd"))


def _kube_proxy(paths: Paths) -> Unit:
    argv = (str(KUBERNETES.home(paths) / "kube-proxy"), f"--config={paths.cluster}/proxy.yaml")
    return Unit("kube-proxy", argv, after=("kube-apiserver",))


def _node_registered(paths: Paths) -> Unit:
    """Return the unit that waits for the node's object, without which kube-router ends."""
    kubectl = str(KUBERNETES.home(paths) / "kubectl")
    argv = (kubectl, "--kubeconfig", str(paths.kubeconfig), "wait", "--for=create", f"node/{net.NODE}")
    return Unit("node-registered", argv, after=("kube-apiserver",), oneshot=True)


def _kube_router(paths: Paths) -> Unit:
    """Return the process that enforces network policies, by iptables and ipset; it does nothing else."""
    argv = (
        str(KUBE_ROUTER.home(paths) / "kube-router"),
        f"--kubeconfig={paths.kubeconfig}",
        f"--hostname-override={net.NODE}",
        f"--service-cluster-ip-range={net.SERVICE_CIDR}",
        "--run-firewall",
        "--run-router=false",
        "--run-service-proxy=false",
        "--run-loadbalancer=false",
        "--enable-cni=false",
        "--health-port=0",
    )
    return Unit("kube-router", argv, after=("node-registered",))


def _coredns(paths: Paths) -> Unit:
    argv = (str(COREDNS.home(paths) / "coredns"), "-conf", f"{paths.cluster}/Corefile")
    return Unit("coredns", argv, after=("kube-apiserver",), ready=f"tcp:{net.NODE_IP}:53")


def _provisioner(paths: Paths) -> Unit:
    argv = (
        str(PROVISIONER.home(paths) / "provisioner"),
        f"--kubeconfig={paths.kubeconfig}",
        f"--name={net.PROVISIONER}",
        f"--node={net.NODE}",
        f"--root={paths.cluster}/volumes",
    )
    return Unit("provisioner", argv, after=("kube-apiserver",))
