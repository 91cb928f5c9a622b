"""The programs built here from pinned Go modules (`local/go/<module>`), and where each is kept."""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from bind_local.errors import LocalError
from bind_local.paths import LOCAL, Paths

BUILD_FLAGS = ("-mod=readonly", "-trimpath", "-buildvcs=false")
KEY_LENGTH = 12


@dataclass(frozen=True)
class Module:
    """A folder of local/go. pinned: the module whose version names it; "" for code of our own."""

    name: str
    pinned: str
    programs: tuple[str, ...]
    version_variable: str = ""

    @property
    def folder(self) -> Path:
        """The folder with go.mod and go.sum."""
        return LOCAL / "go" / self.name

    @property
    def pattern(self) -> str:
        """The packages that `go build` is asked for: the module's tools, or its own main package."""
        return "tool" if self.pinned else "."

    def version(self) -> str:
        """Return the pinned version, such as 1.35.4; "" for code of our own."""
        return pinned_version((self.folder / "go.mod").read_text(), self.pinned) if self.pinned else ""

    def toolchain(self) -> str:
        """Return the version of Go that a module needs where it may be newer than the machine's, else ""."""
        found = re.search(r"^toolchain (go\S+)$", (self.folder / "go.mod").read_text(), re.MULTILINE)
        return found.group(1) if found else ""

    def ldflags(self) -> str:
        """Return the linker's flags: no debug tables, and the version where the program asks for it."""
        stamp = f" -X {self.version_variable}=v{self.version()}" if self.version_variable else ""
        return f"-s -w{stamp}"

    def key(self) -> str:
        """Return 12 hex digits that change with the pins, our own code and the flags."""
        inputs = [self.folder / "go.mod", self.folder / "go.sum", *sorted(self.folder.glob("*.go"))]
        return digest(
            [p.read_bytes() for p in inputs if p.exists()], [*BUILD_FLAGS, self.ldflags(), self.pattern]
        )

    def home(self, paths: Paths) -> Path:
        """Return the folder that holds this module's programs once they are built."""
        return paths.programs / f"{self.name}-{self.key()}"


KUBERNETES = Module(
    "kubernetes",
    "k8s.io/kubernetes",
    (
        "kube-apiserver",
        "kube-controller-manager",
        "kube-scheduler",
        "kubelet",
        "kube-proxy",
        "kubectl",
        "kubeadm",
    ),
    "k8s.io/component-base/version.gitVersion",
)
CONTAINERD = Module(
    "containerd",
    "github.com/containerd/containerd/v2",
    ("containerd", "containerd-shim-runc-v2", "ctr"),
    "github.com/containerd/containerd/v2/version.Version",
)
COREDNS = Module("coredns", "github.com/coredns/coredns", ("coredns",))
KUBE_ROUTER = Module("kube-router", "github.com/cloudnativelabs/kube-router/v2", ("kube-router",))
"""Only its firewall runs. The flaws that are known of 2.1.0, the newest there is as a module, are its
proxy's."""
PROVISIONER = Module("provisioner", "", ("provisioner",))
PAUSE = Module("pause", "", ("pause",))
HELM = Module("helm", "helm.sh/helm/v4", ("helm",))
CADDY = Module("caddy", "github.com/caddyserver/caddy/v2", ("caddy",))
WEAVIATE = Module("weaviate", "github.com/weaviate/weaviate", ("weaviate-server",))
"""The default: what its pin says is repeated by the operator, the charts and the pages (`bind_release`)."""
OLDER_WEAVIATES = tuple(
    Module(f"weaviate-{minor}", WEAVIATE.pinned, WEAVIATE.programs) for minor in ("1.35", "1.36", "1.37")
)
"""The minor versions before it that are tested too, oldest first; only `make test-pipelines` builds them."""
WEAVIATES = (*OLDER_WEAVIATES, WEAVIATE)
KEDA = Module("keda", "github.com/kedacore/keda/v2", ("operator", "adapter"))
"""Its two programs; only `make test-pipelines` builds them."""
METRICS_SERVER = Module("metrics-server", "sigs.k8s.io/metrics-server", ("metrics-server",))
"""It tells autoscalers what pods use; only `make test-pipelines` builds it."""
KWOK = Module("kwok", "sigs.k8s.io/kwok", ("kwok",))
VERSITYGW = Module("versitygw", "github.com/versity/versitygw", ("versitygw",))
"""A server that speaks S3, for backups; only `make test-pipelines` builds it."""
FAKE_GCS = Module("fake-gcs-server", "github.com/fsouza/fake-gcs-server", ("fake-gcs-server",))
"""The same for Google Cloud Storage."""
DEX = Module("dex", "github.com/dexidp/dex", ("dex",))
"""An issuer of OpenID Connect, for the tokens that Weaviate takes; only `make test-pipelines` builds it."""
SOURCE_CONTROLLER = Module("source-controller", "github.com/fluxcd/source-controller", ("source-controller",))
KUSTOMIZE_CONTROLLER = Module(
    "kustomize-controller", "github.com/fluxcd/kustomize-controller", ("kustomize-controller",)
)
FLUX = (SOURCE_CONTROLLER, KUSTOMIZE_CONTROLLER)
"""What of Flux applies what is in Git; only `make test-pipelines` builds it."""
KUSTOMIZE = Module("kustomize", "sigs.k8s.io/kustomize/kustomize/v5", ("kustomize",))
"""Argo CD runs it; only `make test-pipelines` builds it."""
ARGOCD = Module("argocd", "github.com/argoproj/argo-cd/v3", ("cmd",))
"""All programs of Argo CD in one, by ARGOCD_BINARY_NAME; only `make test-pipelines` builds it."""
COMPOSE = Module(
    "compose",
    "github.com/docker/compose/v2",
    ("cmd",),
    "github.com/docker/compose/v2/internal.Version",
)
"""The plugin docker compose, called as its folder is; only `make test-pipelines` builds it."""
TRAEFIK = Module("traefik", "github.com/traefik/traefik/v3", ("traefik",))
"""Leads Ingresses and the Gateway API's routes to Weaviate; only `make test-pipelines` builds it."""

CLUSTER_MODULES = (KUBERNETES, CONTAINERD, COREDNS, KUBE_ROUTER, PROVISIONER, PAUSE)
IMAGE_MODULES = (PAUSE, HELM, CADDY, WEAVIATE)
ALL_MODULES = (*CLUSTER_MODULES, HELM, CADDY, WEAVIATE, KWOK)
PEERS = (KEDA, METRICS_SERVER, TRAEFIK, VERSITYGW, FAKE_GCS, DEX, COMPOSE, *FLUX, KUSTOMIZE, ARGOCD)
PIPELINE_MODULES = (*ALL_MODULES, *OLDER_WEAVIATES, *PEERS)


def pinned_version(go_mod: str, module: str) -> str:
    """Return the version of `module` in the text `go_mod`, without its v. Raises LocalError without one."""
    found = re.search(rf"^\s*(?:require )?{re.escape(module)} v(\S+)", go_mod, re.MULTILINE)
    if found is None:
        raise LocalError(
            f"local/go pins no version of {module}", f"run `go get -tool` for {module} in its folder"
        )
    return found.group(1)


def digest(contents: list[bytes], words: list[str]) -> str:
    """Return 12 hex digits of `contents` and `words`; where one ends and the next begins counts."""
    total = hashlib.sha256()
    for part in [*contents, *(word.encode() for word in words)]:
        total.update(len(part).to_bytes(8, "big"))
        total.update(part)
    return total.hexdigest()[:KEY_LENGTH]


def program(paths: Paths, name: str) -> Path:
    """Return the path of a built program. Raises LocalError when there is none of that name, or not yet.

    name: a program's name, with its module before it where several have it (weaviate-1.36/weaviate-server).
    """
    folder, _, own = name.rpartition("/")
    for module in PIPELINE_MODULES:
        if own in module.programs and folder in ("", module.name):
            path = module.home(paths) / own
            if not path.exists():
                raise LocalError(f"the program {name} is not built", f"run `{_builder(module)}`")
            return path
    known = ", ".join(sorted(name for module in ALL_MODULES for name in module.programs))
    raise LocalError(f"there is no program {name!r} here", f"choose one of {known}")


def _builder(module: Module) -> str:
    if module in ALL_MODULES:
        return "make binaries"
    return f"cd local && ../.venv/bin/python -m bind_local binaries {module.name}"
