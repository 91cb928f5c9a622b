"""buildah builds images from Dockerfiles and pushes them, with layers that no other program sees."""

import json
import os
import shutil
import struct
import subprocess
import tempfile
from pathlib import Path

from bind_local import command
from bind_local.errors import need_root
from bind_local.images.catalog import INPUTS_LABEL, Image
from bind_local.paths import REPO, Paths

COMPANY_CERTIFICATES = Path("/usr/local/share/ca-certificates")
BUILD_REMEDY = (
    "the log says which line of the Dockerfile failed; most often a package registry was not reached"
)

CAP_NET_BIND_SERVICE = struct.pack("<IIIII", 0x02000001, 1 << 10, 0, 0, 0)
"""The attribute security.capability (revision 2, effective) of the program in Caddy's own image.

It matters: a container that drops all capabilities and does not add this one cannot start that program.
"""


class Buildah:
    """buildah runs with its storage in the cache, and with mounts that go when it ends."""

    def __init__(self, paths: Paths) -> None:
        self._paths = paths
        self._base = [
            *("unshare", "--mount", "--propagation", "slave", "buildah"),
            *("--root", str(paths.buildah / "store"), "--runroot", str(paths.buildah / "run")),
            *("--storage-driver", "overlay"),
        ]

    def has(self, image: Image) -> bool:
        """Say whether buildah's storage has this image, built from these inputs."""
        shown = subprocess.run(
            [*self._base, "inspect", "--type", "image", image.reference],
            capture_output=True,
            text=True,
            check=False,
        )
        if shown.returncode != 0:
            return False
        config = json.loads(shown.stdout).get("OCIv1", {}).get("config", {})
        return bool(config.get("Labels", {}).get(INPUTS_LABEL) == image.inputs)

    def build(self, image: Image) -> None:
        """Build an image. Raises CommandFailed with the builder's last lines, LocalError when not root."""
        need_root("building an image mounts its layers")
        if not image.files:
            self._build(image, REPO)
            return
        self._paths.cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self._paths.cache, prefix=".context-") as folder:
            for name, source in image.files.items():
                shutil.copyfile(source, Path(folder) / name)
                (Path(folder) / name).chmod(0o755 if os.access(source, os.X_OK) else 0o644)
            if image.short == "caddy":
                os.setxattr(Path(folder) / "caddy", "security.capability", CAP_NET_BIND_SERVICE)
            self._build(image, Path(folder))

    def push(self, image: Image, destination: str, *, insecure: bool, remedy: str) -> None:
        """Push an image. destination: name and tag at the registry. Raises CommandFailed."""
        tls = ["--tls-verify=false"] if insecure else []
        command.logged(
            [*self._base, "push", *tls, image.reference, f"docker://{destination}"],
            log=self._paths.logs / "push.log",
            remedy=remedy,
        )

    def remove(self, references: list[str]) -> None:
        """Remove images by name; layers that others share stay."""
        if references:
            subprocess.run([*self._base, "rmi", "--force", *references], capture_output=True, check=False)

    def references(self) -> list[str]:
        """Return the names of the images in buildah's storage."""
        shown = subprocess.run([*self._base, "images", "--json"], capture_output=True, text=True, check=False)
        images = json.loads(shown.stdout or "[]") if shown.returncode == 0 else []
        return [name for image in images or [] for name in image.get("names") or []]

    def _build(self, image: Image, context: Path) -> None:
        args = [part for key, value in image.args.items() for part in ("--build-arg", f"{key}={value}")]
        certificates = ["--volume", f"{COMPANY_CERTIFICATES}:{COMPANY_CERTIFICATES}:ro"]
        command.logged(
            [
                *self._base,
                "build",
                # Not in a container of its own: no control groups, no OCI runtime whose version matters.
                *("--isolation", "chroot", "--network", "host"),
                *("--layers", "--pull-never", "--format", "oci"),
                *(certificates if COMPANY_CERTIFICATES.is_dir() else []),
                *args,
                *("--label", f"{INPUTS_LABEL}={image.inputs}"),
                *("--file", image.dockerfile, "--tag", image.reference, context),
            ],
            log=self._paths.logs / f"image-{image.short}{image.variant}.log",
            remedy=BUILD_REMEDY,
        )
