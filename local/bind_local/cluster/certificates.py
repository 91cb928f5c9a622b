"""kubeadm makes the certificates and kubeconfigs of a new cluster; it starts nothing."""

from typing import Any

import yaml

from bind_local import command
from bind_local.paths import Paths
from bind_local.programs.modules import KUBERNETES
from bind_local.topology import CLUSTER, CONTEXT

REMEDY = "the log says why; `make clean` and start again"


def create(paths: Paths) -> None:
    """Write the keys, the components' kubeconfigs and the cluster's own kubeconfig. Raises CommandFailed."""
    kubeadm = KUBERNETES.home(paths) / "kubeadm"
    config = paths.cluster / "kubeadm.yaml"
    for phase in (("certs", "all"), ("kubeconfig", "all", "--kubeconfig-dir", str(paths.cluster))):
        command.logged(
            [kubeadm, "init", "phase", *phase, "--config", config],
            log=paths.node_log / "kubeadm.log",
            remedy=REMEDY,
        )
    made = yaml.safe_load((paths.cluster / "super-admin.conf").read_text())
    paths.kubeconfig.touch(mode=0o600)
    paths.kubeconfig.write_text(yaml.safe_dump(renamed(made)))


def renamed(kubeconfig: dict[str, Any]) -> dict[str, Any]:
    """Return a kubeconfig of one cluster and user with the names that people are shown."""
    user = f"{CLUSTER}-admin"
    return {
        **kubeconfig,
        "clusters": [{**kubeconfig["clusters"][0], "name": CLUSTER}],
        "users": [{**kubeconfig["users"][0], "name": user}],
        "contexts": [{"name": CONTEXT, "context": {"cluster": CLUSTER, "user": user}}],
        "current-context": CONTEXT,
    }
