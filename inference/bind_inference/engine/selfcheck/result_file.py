"""Keep results on disk, beside the converted weights: each kind of machine needs to check only once."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

import torch

from bind_inference.engine.selfcheck.result import CheckResult
from bind_inference.modality import Modality

if TYPE_CHECKING:
    from pathlib import Path

    from bind_inference.engine.precision import Precision

log = logging.getLogger(__name__)

# Raised by one when the built-in items or our own arithmetic change: older results no longer count.
CHECK_VERSION = 2
# What decides which kernels run.
_KERNEL_FLAGS = (
    "avx2", "avx512_f", "avx512_bf16", "avx512_vnni", "avx_vnni", "amx_bf16", "amx_int8",
    "neon", "bf16", "i8mm", "sve",
)  # fmt: skip


def machine_key(device: torch.device) -> str:
    """Return what the numbers depend on besides the weights: torch, the processor, the check itself."""
    if device.type == "cuda":
        processor = torch.cuda.get_device_name(device)
    else:
        there = torch.cpu.get_capabilities()
        processor = "+".join(flag for flag in _KERNEL_FLAGS if there.get(flag)) or "cpu"
    return f"torch {torch.__version__}, {processor}, check {CHECK_VERSION}"


class ResultFile:
    """A JSON file: by machine key and precision, a cosine for each modality."""

    def __init__(self, path: Path | None, key: str) -> None:
        """A `path` of None keeps nothing."""
        self._path = path
        self._key = key

    def get(self, precision: Precision) -> CheckResult | None:
        """Return the result of an earlier check; a file that is damaged or of another make counts as none."""
        found = self._read().get(self._key, {}).get(precision)
        try:
            cosines = {Modality(name): float(value) for name, value in found.items()}
        except (AttributeError, TypeError, ValueError):
            return None
        return CheckResult(precision, cosines) if cosines else None

    def put(self, result: CheckResult) -> None:
        """Keep `result`, in one rename. If it cannot be written, a warning says so: the next start checks."""
        if self._path is None:
            return
        content = self._read()
        content.setdefault(self._key, {})[result.precision] = dict(result.cosines)
        temporary = self._path.with_suffix(".tmp")
        try:
            temporary.write_text(json.dumps(content, indent=1))
            temporary.replace(self._path)
        except OSError as error:
            log.warning(
                "the result of the self-check cannot be kept; the next start checks again",
                extra={"path": str(self._path), "error": str(error)},
            )

    def _read(self) -> dict[str, Any]:
        if self._path is None:
            return {}
        try:
            content = json.loads(self._path.read_text())
        except (OSError, ValueError):
            return {}
        tables = content.values() if isinstance(content, dict) else [None]
        return content if all(isinstance(table, dict) for table in tables) else {}
