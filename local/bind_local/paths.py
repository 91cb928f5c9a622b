"""The folders of one cache, and the few fixed places that belong to the whole machine."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
LOCAL = REPO / "local"

RUN = Path("/run/bindvectorizer")
"""Machine-wide: one cluster at a time, whoever started it. Sockets too, whose paths must be short."""


def cache_folder(given: str | Path | None, xdg_cache_home: str | Path | None) -> Path:
    """Return the folder of programs, images and the running cluster's state.

    given: BIND_CACHE, which wins. xdg_cache_home: the user's folder of caches, ~/.cache where there is none.
    """
    return Path(given) if given else Path(xdg_cache_home or Path.home() / ".cache") / "bindvectorizer"


@dataclass(frozen=True)
class Paths:
    """Everything below the cache folder. `cluster` dies with the cluster, the rest outlives it."""

    cache: Path

    @property
    def programs(self) -> Path:
        """Each Go module has a folder here for each set of pins."""
        return self.cache / "bin"

    @property
    def logs(self) -> Path:
        """Builds and checks write their output here."""
        return self.cache / "logs"

    @property
    def containerd(self) -> Path:
        """containerd keeps the pulled images here, so that the next cluster need not pull them again.

        The folder is named by the major version, because an older one may not understand what it holds.
        """
        return self.cache / "containerd-2"

    @property
    def registry(self) -> Path:
        """The local registry keeps the pushed images here."""
        return self.cache / "registry"

    @property
    def buildah(self) -> Path:
        """buildah keeps the layers of image builds here, apart from the user's own."""
        return self.cache / "buildah"

    @property
    def cluster(self) -> Path:
        """The running cluster keeps its state here."""
        return self.cache / "cluster"

    @property
    def kubeconfig(self) -> Path:
        """The local cluster's own kubeconfig; the user's is never touched."""
        return self.cluster / "kubeconfig"

    @property
    def pki(self) -> Path:
        """kubeadm writes certificates and keys here."""
        return self.cluster / "pki"

    def entries(self) -> Iterator[Path]:
        """Yield what of the cache folder is ours: BIND_CACHE may be a folder that holds other things, too."""
        folders = ("bin", "logs", "containerd", "containerd-*", "registry", "buildah", "cluster", "debian")
        for pattern in (*folders, "images.lock", ".context-*"):
            yield from sorted(self.cache.glob(pattern))

    @property
    def node_log(self) -> Path:
        """The node's processes write their logs here; they outlive it, to explain a failed start."""
        return self.logs / "node"
