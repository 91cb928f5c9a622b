"""Pushes an image of files to the node's registry: one layer, as `FROM scratch` and `COPY` make it.

buildah is not used, because it would write gigabytes of zeros to the disk several times over.
"""

import gzip
import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from bind_local.images.registry import MANIFESTS
from bind_local.topology import REGISTRY

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

MANIFEST_TYPE, _, _ = MANIFESTS.partition(",")
COPY_BYTES = 1 << 20


class Summed(io.RawIOBase):
    """Sums what is written to a file."""

    def __init__(self, file: gzip.GzipFile) -> None:
        self._file = file
        self._sum = hashlib.sha256()

    def write(self, data: "ReadableBuffer") -> int:
        self._sum.update(data)
        return self._file.write(data)

    @property
    def digest(self) -> str:
        return f"sha256:{self._sum.hexdigest()}"


def push(folder: Path, repository: str, tag: str, architecture: str) -> None:
    """Push an image with a folder's files at its root. They must compress well: the layer is held in memory.

    architecture: the node's, in Go's words, such as amd64.
    """
    layer, diff_id = layer_of(folder)
    config = {
        "architecture": architecture,
        "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": [diff_id]},
    }
    with httpx.Client(base_url=f"http://{REGISTRY}/v2/{repository}", timeout=60, trust_env=False) as registry:
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "config": upload(registry, json.dumps(config).encode(), "config.v1+json"),
            "layers": [upload(registry, layer, "layer.v1.tar+gzip")],
        }
        sent = registry.put(f"/manifests/{tag}", json=manifest, headers={"Content-Type": MANIFEST_TYPE})
        sent.raise_for_status()


def layer_of(folder: Path) -> tuple[bytes, str]:
    """Return a folder's files as a compressed tar, and the digest of the tar before it was compressed."""
    layer = io.BytesIO()
    with gzip.GzipFile(fileobj=layer, mode="wb", compresslevel=1, mtime=0) as packed:
        summed = Summed(packed)
        with tarfile.open(fileobj=summed, mode="w|", bufsize=COPY_BYTES) as tar:
            for file in sorted(folder.rglob("*")):
                tar.add(file, file.relative_to(folder), recursive=False)
    return layer.getvalue(), summed.digest


def upload(registry: httpx.Client, blob: bytes, kind: str) -> dict[str, str | int]:
    """Upload a blob, and return its descriptor for a manifest."""
    digest = f"sha256:{hashlib.sha256(blob).hexdigest()}"
    begun = registry.post("/blobs/uploads/").raise_for_status()
    where = httpx.URL(begun.headers["location"]).copy_merge_params({"digest": digest})
    registry.put(where, content=blob).raise_for_status()
    return {"mediaType": f"application/vnd.oci.image.{kind}", "digest": digest, "size": len(blob)}
