"""The cluster of the user's current context, which is used only after asking."""

import shutil
import subprocess
from collections.abc import Callable

from bind_demo.cluster.kube import Kube
from bind_demo.errors import DemoError


def current_cluster(ask: Callable[[str], bool]) -> Kube:
    """Return the current kubectl context, pinned by its name. Raises DemoError if the answer is no.

    Pinned, because the user may switch the context in another window while the demo runs.
    """
    kubectl, helm = (_on_path(name) for name in ("kubectl", "helm"))
    shown = subprocess.run(
        [kubectl, "config", "current-context"], capture_output=True, text=True, check=False
    )
    context = shown.stdout.strip()
    if shown.returncode != 0 or not context:
        raise DemoError(
            "kubectl has no current context",
            "choose one: `kubectl config use-context`; or leave KUBE out",
        )
    kube = Kube(kubectl, helm, kubeconfig=None, context=context)
    server = kube.run("config", "view", "--minify", "-o", "jsonpath={.clusters[0].cluster.server}").strip()
    if not ask(f"Install the operator and the demo into the context {context!r} ({server})?"):
        raise DemoError("nothing was installed", "leave KUBE out to use the local cluster of `make cluster`")
    return kube


def _on_path(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise DemoError(f"{name} is not on the PATH; KUBE=current uses your own", f"install {name}")
    return found
