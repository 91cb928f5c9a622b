"""The node's files and processes agree with each other and with what was found out the hard way."""

import json
import tomllib
from pathlib import Path

import pytest
import yaml

from bind_local import topology as net
from bind_local.cluster.readiness import BOOTSTRAP
from bind_local.node.components import build_units
from bind_local.node.configs import build_files
from bind_local.paths import Paths
from bind_local.programs.modules import CONTAINERD

PATHS = Paths(Path("/cache/bv"))


@pytest.fixture
def files() -> dict[str, str]:
    return build_files(PATHS, "/etc/resolv.conf")


def test_every_unit_waits_only_for_units_before_it() -> None:
    seen: set[str] = set()
    for unit in build_units(PATHS, "/usr/bin/python3"):
        assert set(unit.after) <= seen, unit.name
        seen.add(unit.name)


def test_stale_pods_are_removed_before_kubelet_can_see_them() -> None:
    units = {unit.name: unit for unit in build_units(PATHS, "python")}
    assert "stale-pods" in units["containerd"].after
    assert "containerd" in units["kubelet"].after


def test_every_file_that_a_unit_is_given_is_written(files: dict[str, str]) -> None:
    made_by_kubeadm = {"controller-manager.conf", "scheduler.conf", "kubelet.conf"}
    for unit in build_units(PATHS, "python"):
        for word in unit.argv:
            path = Path(word.rpartition("=")[2])
            if path.is_relative_to(PATHS.cluster) and path.suffix in (".yaml", ".toml", ".conf"):
                assert path.name in made_by_kubeadm | set(files), f"{unit.name}: {word}"


def test_containerd_is_configured_for_a_machine_that_is_itself_a_container(files: dict[str, str]) -> None:
    config = tomllib.loads(files["containerd.toml"])
    assert config["version"] == 3
    images = config["plugins"]["io.containerd.cri.v1.images"]
    runtime = config["plugins"]["io.containerd.cri.v1.runtime"]
    assert runtime["restrict_oom_score_adj"] is True
    assert runtime["cni"]["conf_dir"] == f"{PATHS.cluster}/cni"
    assert images["pinned_images"]["sandbox"].startswith(f"{net.LOOPBACK_REGISTRY}/")
    assert images["discard_unpacked_layers"] is images["use_local_image_pull"] is True


def test_no_other_containerd_of_this_machine_is_taken() -> None:
    units = {unit.name: unit for unit in build_units(PATHS, "python")}
    home = str(CONTAINERD.home(PATHS))
    assert units["containerd"].argv[0] == f"{home}/containerd"
    assert units["containerd"].env["PATH"].split(":")[0] == home  # where it looks for its shim
    assert home in units["stale-pods"].argv


def test_pulled_images_are_kept_apart_by_containerd_s_major_version() -> None:
    assert PATHS.containerd.name == f"containerd-{CONTAINERD.version().partition('.')[0]}"


def test_the_containerd_that_removes_them_has_the_same_data_but_no_kubelet(
    files: dict[str, str],
) -> None:
    config, plain = (tomllib.loads(files[name]) for name in ("containerd.toml", "containerd-plain.toml"))
    assert plain["root"] == config["root"] == str(PATHS.containerd)
    assert plain["state"] != config["state"]
    # Not the plugins behind it, or no sandbox could be removed.
    assert set(plain["disabled_plugins"]) - set(config["disabled_plugins"]) == {"io.containerd.grpc.v1.cri"}


def test_unix_sockets_have_short_paths() -> None:
    assert len(str(net.CONTAINERD_SOCKET)) < 100


@pytest.mark.parametrize("host", ["ghcr.io", "cr.weaviate.io", "docker.io"])
def test_images_are_pulled_from_the_local_registry_and_nowhere_else(files: dict[str, str], host: str) -> None:
    hosts = tomllib.loads(files[f"certs.d/{host}/hosts.toml"])
    assert hosts["server"] == f"http://{net.LOOPBACK_REGISTRY}"
    assert list(hosts["host"]) == [f"http://{net.LOOPBACK_REGISTRY}"]


def test_kubelet_and_containerd_meet_at_one_socket(files: dict[str, str]) -> None:
    kubelet = yaml.safe_load(files["kubelet.yaml"])
    assert kubelet["containerRuntimeEndpoint"] == f"unix://{net.CONTAINERD_SOCKET}"
    assert tomllib.loads(files["containerd.toml"])["grpc"]["address"] == str(net.CONTAINERD_SOCKET)
    assert kubelet["cgroupRoot"] == f"/{net.CGROUP}"


def test_the_pods_range_is_one_everywhere(files: dict[str, str]) -> None:
    conflist = json.loads(files["cni/10-pods.conflist"])
    assert conflist["plugins"][0]["ipam"]["ranges"] == [[{"subnet": net.POD_CIDR}]]
    assert yaml.safe_load(files["proxy.yaml"])["clusterCIDR"] == net.POD_CIDR
    _, cluster = yaml.safe_load_all(files["kubeadm.yaml"])
    assert cluster["networking"] == {"serviceSubnet": net.SERVICE_CIDR, "podSubnet": net.POD_CIDR}
    assert cluster["kubernetesVersion"] == "v1.35.4"


def test_network_policies_are_enforced_and_kube_router_does_nothing_else() -> None:
    units = {unit.name: unit for unit in build_units(PATHS, "python")}
    router = units["kube-router"]
    assert {"--run-firewall", "--run-router=false", "--run-service-proxy=false"} <= set(router.argv)
    assert f"--service-cluster-ip-range={net.SERVICE_CIDR}" in router.argv
    # It ends where there is no node of its name yet.
    assert router.after == ("node-registered",)
    assert f"node/{net.NODE}" in units["node-registered"].argv


def test_the_default_storage_class_names_the_provisioner() -> None:
    _, storage = yaml.safe_load_all(BOOTSTRAP.read_text())
    assert storage["provisioner"] == net.PROVISIONER
    provisioner = build_units(PATHS, "python")[-1]
    assert f"--name={net.PROVISIONER}" in provisioner.argv
