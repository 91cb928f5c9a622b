"""`python -m bind_bench.servers.checkpoint PATH` writes a full-size checkpoint of seeded weights.

The format is the published one. It is a program of its own, whose end frees the 4.8 GB of the model.
"""

import hashlib
import sys
from pathlib import Path

import torch

from bind_inference.model import CONFIGS, ImageBind
from bind_inference.weights.seeded import fill

MODEL = "ImageBindHuge"


def write_checkpoint(path: Path) -> None:
    """Write the weights to `path` and their SHA-256 beside it, each in one rename; the sum comes last."""
    model = ImageBind(CONFIGS[MODEL])
    fill(model)
    temporary = path.with_suffix(".tmp")
    torch.save(model.state_dict(), temporary)
    with temporary.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    temporary.replace(path)
    sum_file = temporary.with_suffix(".sum")
    sum_file.write_text(digest)
    sum_file.replace(sum_path(path))


def sum_path(path: Path) -> Path:
    """Return the file that holds a checkpoint's SHA-256; it is there once the checkpoint is whole."""
    return path.with_suffix(".sha256")


if __name__ == "__main__":
    write_checkpoint(Path(sys.argv[1]))
