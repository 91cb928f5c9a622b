"""What a wheel holds beside the packages' own files: a chart and, where there is a compiler, kernels."""

import os
import shlex
import shutil
import subprocess
import sysconfig
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

KERNELS = "inference/bind_inference/kernels"
CHART = "charts/weaviate-bind"
WITHOUT = "int8 will name the script that compiles them; every other precision works"


class WheelHook(BuildHookInterface):  # type: ignore[type-arg]
    """Compiles the kernels into a folder of its own: those in a checkout may be of other sources."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the files to a wheel. version: "standard", or "editable", where the checkout itself is used."""
        self._folder = Path(tempfile.mkdtemp())
        sources = Path(self.root, KERNELS)
        if version == "editable":
            names = subprocess.run(
                ["sh", str(sources / "build.sh"), "--list"], capture_output=True, text=True, check=True
            )
            if not all((sources / name).exists() for name in names.stdout.split()):
                for library in self._compile(sources):
                    shutil.copyfile(library, sources / library.name)
            return
        build_data["force_include"][str(Path(self.root, CHART))] = f"bind_operator/{CHART}"
        libraries = self._compile(sources)
        for library in libraries:
            build_data["force_include"][str(library)] = f"bind_inference/kernels/{library.name}"
        if libraries:
            build_data["pure_python"] = False
            # Of this kind of machine, but of any Python: ctypes loads them.
            build_data["tag"] = f"py3-none-{sysconfig.get_platform().replace('-', '_').replace('.', '_')}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove the folder: what was made in it has been copied."""
        shutil.rmtree(self._folder)

    def _compile(self, sources: Path) -> list[Path]:
        """Return the libraries of all levels or, after a line that says why, none."""
        compiler = shlex.split(os.environ.get("CC") or "gcc")[0]
        if shutil.which(compiler) is None:
            self.app.display_warning(f"no C compiler ({compiler}), so no kernels: {WITHOUT}")
            return []
        command = ["sh", str(sources / "build.sh"), str(self._folder)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            self.app.display_warning(f"{done.stderr}the kernels could not be compiled: {WITHOUT}")
            return []
        return sorted(self._folder.glob("rows-*.so"))
