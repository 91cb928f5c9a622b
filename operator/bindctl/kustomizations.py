"""A kustomization names its patches, each of which is a part of a resource and no resource."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bind_operator.goyaml import Unreadable, read_documents

NAMES = ("kustomization.yaml", "kustomization.yml", "Kustomization")
"""kustomize knows these; of several in a folder it takes none."""
_GROUP = "kustomize.config.k8s.io"


def patch_files(folder: Path) -> set[Path]:
    """Return the files that the kustomization of `folder` names as patches; none without one."""
    return {(folder / name).resolve() for file in NAMES for name in _named(folder / file)}


def _named(file: Path) -> Iterator[str]:
    data = _read(file)
    if not isinstance(data, dict) or str(data.get("apiVersion", _GROUP)).partition("/")[0] != _GROUP:
        return
    for field in ("patches", "patchesJson6902"):
        entries = data.get(field)
        for entry in entries if isinstance(entries, list) else []:
            if isinstance(entry, dict) and isinstance(entry.get("path"), str):
                yield entry["path"]
    merged = data.get("patchesStrategicMerge")
    yield from (one for one in (merged if isinstance(merged, list) else []) if isinstance(one, str))


def _read(file: Path) -> Any:
    try:
        documents = list(read_documents(file.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, Unreadable):
        # It is judged as any other file, and named if it cannot be read.
        return None
    return documents[0].data if len(documents) == 1 else None
