"""Say what a run of `make demo` or of tests will take, and stop where a disk has no room for it.

`python -m bind_local.preflight [--tests | --pipelines]` runs before .venv is there, so the standard library
has to do.

The figures are those of a machine with two cores where nothing was there: the programs and Go's two caches
when all modules had been built, .venv, and what image builds (4.0 GB), registry (0.7) and node (2.1) keep of
the images. What a module takes of Go's caches is taken to be its part of the time; the temporary files alone
are an estimate.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bind_local.disk import Need, announcement, check_room
from bind_local.errors import LocalError
from bind_local.paths import REPO, Paths, cache_folder
from bind_local.programs.modules import ALL_MODULES, KWOK, PIPELINE_MODULES, Module
from bind_local.usage import disk_of, usage

GB = 1_000_000_000
PROGRAM_BYTES = 1.1 * GB
GO_MODULES_BYTES = 5.8 * GB
GO_BUILD_BYTES = 8.6 * GB
PYTHON_BYTES = 5.9 * GB
IMAGE_BYTES = 7 * GB
SCRATCH_BYTES = 2 * GB
PROGRAM_MINUTES, PYTHON_MINUTES, IMAGE_MINUTES = 15.0, 2.0, 5.0

SECONDS = {
    "kubernetes": 383,
    "containerd": 61,
    "coredns": 141,
    "kube-router": 195,
    "provisioner": 57,
    "pause": 1,
    "helm": 188,
    "caddy": 235,
    "weaviate": 268,
    "kwok": 195,
    "weaviate-1.35": 200,
    "weaviate-1.36": 200,
    "weaviate-1.37": 200,
    "keda": 340,
    "metrics-server": 190,
    "versitygw": 50,
    "dex": 130,
    "source-controller": 205,
    "kustomize-controller": 140,
    "kustomize": 30,
    "argocd": 200,
    "compose": 85,
    "fake-gcs-server": 40,
    "traefik": 436,
}
"""How long each module took to build, one after the other, while other work kept the cores busy."""
MOST = 0.8
"""From this part on the images count as there: how much is kept varies with the tags of earlier builds."""


def needs(paths: Paths, modules: Sequence[Module]) -> list[Need]:
    """Return what a run makes with these modules' programs, and how much of it there is."""
    build_cache, module_cache = go_caches()
    whole = sum(SECONDS[module.name] for module in ALL_MODULES)
    wanted = sum(SECONDS[module.name] for module in modules)
    built = sum(SECONDS[module.name] for module in modules if module.home(paths).is_dir())
    # A module that Go has fetched was most likely built here: only its programs have to be linked again.
    known = sum(
        SECONDS[module.name]
        for module in modules
        if module.home(paths).is_dir() or (module_cache / f"{module.pinned}@v{module.version()}").is_dir()
    )
    images = sum(map(usage, (paths.buildah, paths.registry, paths.containerd)))
    images = int(IMAGE_BYTES) if images >= MOST * IMAGE_BYTES else images
    installed = (REPO / ".venv/installed").exists()

    def go(what: str, folder: Path, size_bytes: float, there: int, minutes: float = 0.0) -> Need:
        share = wanted / whole
        return Need(what, folder, int(size_bytes * share), minutes * share, int(size_bytes * there / whole))

    made = [
        Need("images", paths.cache, int(IMAGE_BYTES), IMAGE_MINUTES, images),
        go("programs", paths.programs, PROGRAM_BYTES, built),
        go("Go's modules", module_cache, GO_MODULES_BYTES, known),
        go("Go's builds", build_cache, GO_BUILD_BYTES, known, PROGRAM_MINUTES),
        Need("Python packages", REPO, int(PYTHON_BYTES), PYTHON_MINUTES, int(PYTHON_BYTES) * installed),
    ]
    scratch = 0 if any(need.missing_bytes for need in made) else int(SCRATCH_BYTES)
    folder = Path(tempfile.gettempdir())
    return [*made, Need("temporary files", folder, int(SCRATCH_BYTES), there_bytes=scratch)]


def go_caches() -> tuple[Path, Path]:
    """Return Go's folders of builds and of modules; where there is no Go yet, those it will take."""
    try:
        shown = subprocess.run(
            ["go", "env", "GOCACHE", "GOMODCACHE"], capture_output=True, text=True, check=True
        ).stdout.splitlines()
        return Path(shown[0]), Path(shown[1])
    except (OSError, subprocess.CalledProcessError, IndexError):
        return Path.home() / ".cache/go-build", Path.home() / "go/pkg/mod"


def _modules(argv: Sequence[str]) -> Sequence[Module]:
    if "--pipelines" in argv:
        return PIPELINE_MODULES
    return ALL_MODULES if "--tests" in argv else [module for module in ALL_MODULES if module is not KWOK]


def main(argv: Sequence[str]) -> int:
    """Say it; return 1, with what to do, where there is no room."""
    cache = cache_folder(os.environ.get("BIND_CACHE"), os.environ.get("XDG_CACHE_HOME"))
    found = needs(Paths(cache), _modules(argv))
    print(announcement(found), flush=True)
    try:
        check_room(found, disk_of)
    except LocalError as error:
        print(f"\nerror: {error}\nto do: {error.remedy}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
