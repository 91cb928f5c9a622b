"""The steps that bring images into a registry.

The local registry gets them under their real names, a user's registry under a prefix.
"""

import subprocess
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from bind_local import command
from bind_local.errors import LocalError
from bind_local.images import catalog
from bind_local.images.buildah import Buildah
from bind_local.images.catalog import Image
from bind_local.images.registry import Registry
from bind_local.lock import file_lock
from bind_local.paths import Paths
from bind_local.programs.modules import CONTAINERD, WEAVIATE, Module
from bind_local.steps import Step
from bind_local.topology import CONTAINERD_SOCKET, REGISTRY

KEPT_TAGS = 5
LOOPBACK = ("127.0.0.1", "localhost", "[::1]", REGISTRY.rpartition(":")[0])


def base_image(paths: Paths) -> Image:
    """Return the base of our own images."""
    return catalog.debian(paths.cache / "debian" / "root.tar")


def our_images(paths: Paths) -> tuple[Image, ...]:
    """Return the operator's image and the inference server's two, as this checkout makes them."""
    base = base_image(paths)
    server = (catalog.inference(base, variant) for variant in (catalog.CPU, catalog.CUDA))
    return catalog.operator(base, catalog.helm(paths)), *server


def images_without_gpus(paths: Paths) -> tuple[Image, ...]:
    """Return those that the local cluster needs: no node of it has a GPU."""
    base = base_image(paths)
    return catalog.operator(base, catalog.helm(paths)), catalog.inference(base, catalog.CPU)


def local_steps(paths: Paths, weaviates: Sequence[Module] = (WEAVIATE,)) -> list[Step]:
    """Return the steps that bring every image into the local registry; what is there already stays.

    weaviates: the versions of Weaviate that are needed.
    """
    registry, buildah = Registry(REGISTRY), Buildah(paths)
    ours = images_without_gpus(paths)

    def published(image: Image) -> bool:
        tag = registry.tag(image.repository, image.tag)
        return tag is not None and tag.inputs == image.inputs

    def publish(image: Image) -> None:
        with file_lock(paths.cache / "images.lock"):
            if not published(image):
                _publish(image)

    def _publish(image: Image) -> None:
        if not buildah.has(image):
            buildah.build(image)
        stale = registry.tag(image.repository, image.tag) is not None
        buildah.push(
            image,
            f"{REGISTRY}/{image.repository}:{image.tag}",
            insecure=True,
            remedy="run `make cluster` and again",
        )
        if stale:
            remove_pulled(paths, image.reference)
        prune(paths, registry, buildah, image)

    def step(image: Image) -> Step:
        return Step(f"image {image.short} {image.tag}", lambda: publish(image), lambda: published(image))

    return [
        *(step(catalog.weaviate(paths, module)) for module in weaviates),
        step(catalog.caddy(paths)),
        *_base_steps(paths, buildah, lambda: all(published(image) for image in ours)),
        *(step(image) for image in ours),
    ]


def pause_step(paths: Paths) -> Step:
    """Return the step for the image without which no pod starts."""
    registry, buildah, image = Registry(REGISTRY), Buildah(paths), catalog.pause(paths)

    def publish() -> None:
        buildah.build(image)
        buildah.push(
            image,
            f"{REGISTRY}/{image.repository}:{image.tag}",
            insecure=True,
            remedy="run `make clean` and again",
        )

    return Step("image pause", publish, lambda: registry.tag(image.repository, image.tag) is not None)


def user_steps(paths: Paths, prefix: str) -> list[Step]:
    """Return the steps that push our images to a user's registry, each with both of its tags.

    prefix: host and path, such as registry.example.org/team. Raises LocalError when it is not that.
    """
    host = checked_host(prefix)
    buildah, insecure = Buildah(paths), host.rpartition(":")[0] in LOOPBACK or host in LOOPBACK
    remedy = (
        f"log in with `buildah login {host}`, see that you may push there, then run the same command again"
    )

    def push(image: Image, tag: str) -> None:
        buildah.push(image, f"{prefix.rstrip('/')}/{image.short}:{tag}", insecure=insecure, remedy=remedy)

    steps = _base_steps(paths, buildah, lambda: all(buildah.has(image) for image in our_images(paths)))
    for image in our_images(paths):
        build = partial(buildah.build, image)
        steps.append(Step(f"build {image.short} {image.tag}", build, partial(buildah.has, image)))
        for tag in (image.tag, image.published_tag):
            steps.append(Step(f"push {prefix}/{image.short}:{tag}", partial(push, image, tag)))
    return steps


def checked_host(prefix: str) -> str:
    """Return the host of a registry prefix. Raises LocalError when it has none."""
    host, _, path = prefix.partition("/")
    if "://" in prefix or not host or not ("." in host or ":" in host or host == "localhost"):
        raise LocalError(
            f"REGISTRY={prefix!r} is not a registry's host and path",
            "write REGISTRY=registry.example.org/team",
        )
    if path != path.lower() or path.endswith("/"):
        raise LocalError(
            f"REGISTRY={prefix!r}: a path in a registry is in lower case and does not end with /", "change it"
        )
    return host


def tags_in_registry(paths: Paths) -> dict[str, str]:
    """Return the tag of each of our images, by its name and variant.

    Raises LocalError when one of them is not in the local registry.
    """
    registry = Registry(REGISTRY)
    found = {}
    for image in images_without_gpus(paths):
        if registry.tag(image.repository, image.tag) is None:
            raise LocalError(f"{image.reference} is not in the local registry", "run `make images`")
        found[image.short + image.variant] = image.tag
    return found


def prune(paths: Paths, registry: Registry, buildah: Buildah, image: Image) -> None:
    """Remove all but the newest tags of an image, here and in the registry; shared layers stay."""
    old = [tag for tag in registry.tags(image.repository)[KEPT_TAGS:] if tag.name != image.tag]
    for tag in old:
        registry.delete(image.repository, tag)
        remove_pulled(paths, f"{image.name}:{tag.name}")
    kept = {tag.name for tag in registry.tags(image.repository)}
    mine = [r for r in buildah.references() if r.rpartition(":")[0] == image.name]
    buildah.remove([r for r in mine if r.rpartition(":")[2] not in kept])


def _base_steps(paths: Paths, buildah: Buildah, not_needed: Callable[[], bool]) -> list[Step]:
    """Return the steps for what the Dockerfiles build on; `not_needed` says that nothing has to be built."""
    base, helm = base_image(paths), catalog.helm(paths)

    def make_base() -> None:
        tar = base.files["root.tar"]
        make_root(paths, base.tag, tar)
        buildah.build(base)
        tar.unlink()

    return [
        Step(f"base {base.reference}", make_base, lambda: not_needed() or buildah.has(base)),
        Step(
            f"base {helm.reference}", lambda: buildah.build(helm), lambda: not_needed() or buildah.has(helm)
        ),
    ]


def make_root(paths: Paths, tag: str, tar: Path) -> None:
    """Make a minimal Debian root file system. Raises CommandFailed.

    tag: the tag of Debian's image, such as bookworm-slim. tar: where it is written.
    """
    tar.parent.mkdir(parents=True, exist_ok=True)
    unwanted = [
        f"--dpkgopt=path-exclude=/usr/share/{folder}/*" for folder in ("doc", "man", "locale", "info")
    ]
    command.logged(
        ["mmdebstrap", "--variant=minbase", *unwanted, tag.removesuffix("-slim"), tar],
        log=paths.logs / "base.log",
        remedy="Debian's packages were not reached; see that `apt-get update` works, then run this again",
    )


def remove_pulled(paths: Paths, reference: str) -> None:
    """Remove an image from the node, if it is there; its layers go once no container uses them."""
    # It has two more names, by the digests of its manifest and its config; each would keep the layers.
    for row in _node_images(paths, "list", f"name=={reference}").splitlines()[1:]:
        digest = row.split()[2]
        names = _node_images(paths, "list", "--quiet", f"target.digest=={digest}").split()
        _node_images(paths, "remove", "--sync", *names)


def _node_images(paths: Paths, *args: str) -> str:
    """Return what `ctr images` printed; "" where the node does not run."""
    ctr = [str(CONTAINERD.home(paths) / "ctr"), "--address", str(CONTAINERD_SOCKET), "--namespace", "k8s.io"]
    return subprocess.run([*ctr, "images", *args], capture_output=True, text=True, check=False).stdout
