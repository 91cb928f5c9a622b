"""The catalog says what each image is built from, and which tag or label follows; it builds nothing."""

import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

from bind_local.errors import LocalError
from bind_local.paths import LOCAL, REPO, Paths
from bind_local.programs.modules import CADDY, HELM, PAUSE, WEAVIATE, Module, digest

CPU, CUDA = "cpu", "cuda"
"""The inference image's variants, as its Dockerfile calls them."""
VERSION: str = tomllib.loads((REPO / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
"""The published tag of our own images."""
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
_SUFFIXES = {CPU: "-cpu", CUDA: ""}
INPUTS_LABEL = "dev.bindvectorizer.inputs"


@dataclass(frozen=True)
class Image:
    """An image and all that it is built from.

    name: with its registry, as a Dockerfile or a pod names it, without tag. inputs: digest of all it is
    built from. dockerfile: with REPO as context, unless `files` (source by name in the context) are given.
    args: build arguments. bases: images that must be built before it. variant: what its published tag says
    after the version, such as `-cpu`.
    """

    name: str
    tag: str
    inputs: str
    dockerfile: Path
    files: dict[str, Path] = field(default_factory=dict)
    args: dict[str, str] = field(default_factory=dict)
    bases: tuple["Image", ...] = ()
    variant: str = ""

    @property
    def published_tag(self) -> str:
        """The tag of a release: without what the image is built from."""
        return f"{VERSION}{self.variant}"

    @property
    def reference(self) -> str:
        """The name and the tag, as a pod writes them."""
        return f"{self.name}:{self.tag}"

    @property
    def repository(self) -> str:
        """The path in a registry: the name without its host."""
        return self.name.partition("/")[2]

    @property
    def short(self) -> str:
        """The last part of the name."""
        return self.name.rpartition("/")[2]


def pause(paths: Paths) -> Image:
    """Return the image of every pod's first container."""
    return _of_program(paths, PAUSE, "localhost/bindvectorizer/pause", PAUSE.key(), "pause")


def helm(paths: Paths) -> Image:
    """Return the local build that takes the place of the image from which operator/Dockerfile copies Helm."""
    name, _, tag = argument(REPO / "operator/Dockerfile", "HELM_IMAGE").rpartition(":")
    if tag != HELM.version():
        raise LocalError(
            f"operator/Dockerfile wants Helm {tag}, local/go/helm pins {HELM.version()}", "make them equal"
        )
    return _of_program(paths, HELM, name, tag, "helm")


def caddy(paths: Paths) -> Image:
    """Return the gate's image."""
    extra = {"Caddyfile": LOCAL / "images/caddy/Caddyfile", CERTIFICATES.name: CERTIFICATES}
    return _of_program(paths, CADDY, "docker.io/library/caddy", CADDY.version(), "caddy", extra)


def weaviate(paths: Paths, module: Module = WEAVIATE) -> Image:
    """Return Weaviate's image, of the default version or of another that is pinned here."""
    name = "cr.weaviate.io/semitechnologies/weaviate"
    extra = {CERTIFICATES.name: CERTIFICATES}
    return _of_program(paths, module, name, module.version(), "weaviate-server", extra, folder="weaviate")


def debian(root_tar: Path) -> Image:
    """Return the local build that takes the place of the Dockerfiles' base.

    root_tar: where the root file system is or will be made.
    """
    bases = {argument(REPO / folder / "Dockerfile", "BASE_IMAGE") for folder in ("operator", "inference")}
    if len(bases) != 1:
        raise LocalError(
            f"the Dockerfiles name different bases: {', '.join(sorted(bases))}", "make BASE_IMAGE equal"
        )
    name, _, tag = bases.pop().rpartition(":")
    dockerfile = LOCAL / "images/debian/Dockerfile"
    return Image(name, tag, digest([dockerfile.read_bytes()], [tag]), dockerfile, {"root.tar": root_tar})


def operator(base: Image, helm_image: Image) -> Image:
    """Return the operator's image."""
    sources = [
        "requirements/uv.txt",
        "requirements/operator.txt",
        "operator/bind_operator",
        "charts/weaviate-bind",
    ]
    return _ours("operator", sources, {"BASE_IMAGE": base, "HELM_IMAGE": helm_image})


def inference(base: Image, variant: str) -> Image:
    """Return the inference server's image of a variant."""
    names = ("uv", "torch", "inference")
    sources = [
        *(f"requirements/{name}.txt" for name in names),
        *("inference/bind_inference", "inference/bind_load"),
        *(["inference/bind_image"] if variant == CPU else []),
    ]
    return _ours("inference", sources, {"BASE_IMAGE": base}, {"VARIANT": variant}, _SUFFIXES[variant])


def argument(dockerfile: Path, name: str) -> str:
    """Return the default of a Dockerfile's build argument. Raises LocalError when it has none."""
    found = re.search(rf"^ARG {name}=(\S+)$", dockerfile.read_text(), re.MULTILINE)
    if found is None:
        raise LocalError(f"{dockerfile} has no `ARG {name}=…`", "give it a default")
    return found.group(1)


def tree(root: Path, sources: list[str]) -> tuple[list[bytes], list[str]]:
    """Return the contents and names of all files of `sources` below `root`, sorted, without compiled ones."""
    files: list[Path] = []
    for source in sources:
        path = root / source
        files += (
            [path] if path.is_file() else [p for p in path.rglob("*") if p.is_file() and not _is_compiled(p)]
        )
    files.sort()
    return [p.read_bytes() for p in files], [str(p.relative_to(root)) for p in files]


def _is_compiled(path: Path) -> bool:
    """Say whether an image compiles `path` anew, and .dockerignore keeps it out."""
    return "__pycache__" in path.parts or path.suffix == ".so"


def _ours(
    part: str,
    sources: list[str],
    bases: dict[str, Image],
    args: dict[str, str] | None = None,
    variant: str = "",
) -> Image:
    contents, names = tree(REPO, [f"{part}/Dockerfile", ".dockerignore", *sources])
    said = [f"{key}={value}" for key, value in (args or {}).items()]
    inputs = digest(contents, [*names, *(base.inputs for base in bases.values()), *said])
    return Image(
        f"ghcr.io/bindvectorizer/bind-{part}",
        f"{VERSION}{variant}-{inputs}",
        inputs,
        REPO / part / "Dockerfile",
        args={key: base.reference for key, base in bases.items()} | (args or {}),
        bases=tuple(bases.values()),
        variant=variant,
    )


def _of_program(
    paths: Paths,
    module: Module,
    name: str,
    tag: str,
    program: str,
    extra: dict[str, Path] | None = None,
    folder: str = "",
) -> Image:
    """Return an image on scratch that holds one program.

    Its certificates are no input, because they change with the machine.
    """
    dockerfile = LOCAL / "images" / (folder or module.name) / "Dockerfile"
    files = {program: module.home(paths) / program, **(extra or {})}
    own = [p.read_bytes() for p in (dockerfile, *(extra or {}).values()) if p != CERTIFICATES]
    return Image(name, tag, digest(own, [module.key()]), dockerfile, files)
