"""The wheel as somebody installs it: its programs run from any folder; kernels come where gcc is."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from bind_local.host.processes import children
from support.server import ROOT, environment, server

SITE_PACKAGES = Path(sysconfig.get_path("purelib"))


def build(folder: Path, **variables: str) -> tuple[Path, str]:
    """Return the wheel that is built of this checkout, and what the build said."""
    done = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", folder],
        cwd=ROOT,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    (wheel,) = folder.glob("*.whl")
    return wheel, said


def install(wheel: Path, folder: Path, *, extras: bool = True) -> Path:
    """Return the `bin` of a virtual environment that holds the wheel, and finds its dependencies in ours.

    extras: whether it finds them.
    """
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    # Not ours as a whole: a .pth file that a .pth file leads to is not read, so the checkout stays out of it.
    inner = folder / SITE_PACKAGES.relative_to(sys.prefix)
    if extras:
        (inner / "dependencies.pth").write_text(f"{SITE_PACKAGES}\n")
    uv = Path(sys.executable).with_name("uv")
    python = folder / "bin/python"
    subprocess.run(
        [uv, "pip", "install", "--quiet", "--python", python, "--no-deps", "--offline", wheel], check=True
    )
    return folder / "bin"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    return build(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def programs(built: tuple[Path, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install(built[0], tmp_path_factory.mktemp("installed"))


def run(cwd: Path, program: Path, *arguments: str) -> str:
    """Return what an installed program prints; cwd is no folder of the checkout."""
    done = subprocess.run(
        [program, *arguments],
        cwd=cwd,
        env=environment(PYTHONPATH=""),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("bind-operator", "run the operator"),
        ("bind-inference", "Serve ImageBind"),
        ("bindctl", "Usage: bindctl [OPTIONS]"),
        ("kubectl-bind", "Usage: kubectl bind [OPTIONS]"),
    ],
)
def test_the_programs_say_what_they_are_for(programs: Path, tmp_path: Path, program: str, words: str) -> None:
    assert words in run(tmp_path, programs / program, "--help")


def test_a_program_without_its_extra_says_what_to_install(built: tuple[Path, str], tmp_path: Path) -> None:
    bare = install(built[0], tmp_path / "bare", extras=False)
    extras = {"bind-operator": "operator", "bind-inference": "inference", "bindctl": "operator"}
    for program, extra in extras.items():
        done = subprocess.run(
            [bare / program, "--help"],
            cwd=tmp_path,
            env=environment(PYTHONPATH=""),
            capture_output=True,
            check=False,
        )
        said = done.stderr.decode()
        assert done.returncode == 1, said
        assert f"pip install 'bindvectorizer[{extra}]'" in said
        assert "Traceback" not in said


def test_the_modules_are_the_wheel_s_and_have_their_kernels(programs: Path, tmp_path: Path) -> None:
    show = (
        "import bind_inference.kernels.library as kernels, bind_operator\n"
        "kernels.open_library()\n"
        "print(kernels.__file__, bind_operator.__file__)"
    )
    for path in run(tmp_path, programs / "python", "-c", show).split():
        assert Path(path).is_relative_to(programs.parent), "the test would be one of the checkout"


def test_the_operator_renders_with_the_chart_it_brings(programs: Path, tmp_path: Path) -> None:
    sample = str(ROOT / "manifests/samples/tiny.yaml")
    assert "multi2vec-bind" in run(tmp_path, programs / "bind-operator", "render", sample)


def test_resources_are_judged_by_the_definition_it_brings(programs: Path, tmp_path: Path) -> None:
    sample = str(ROOT / "manifests/samples/tiny.yaml")
    assert run(tmp_path, programs / "bindctl", "validate", sample) == "1 resource: 1 valid, 0 refused\n"


def test_a_decoder_does_not_import_the_server(programs: Path, tmp_path: Path) -> None:
    """It would, were the program a script that calls `main`."""
    command = (str(programs / "bind-inference"),)
    with server(tmp_path, command=command, PYTHONPATH="") as running:
        (fork_server,) = [pid for pid in children(running.process.pid) if children(pid)]
        for decoder in children(fork_server):
            maps = Path(f"/proc/{decoder}/maps").read_text()
            assert "numpy" in maps
            assert "_asyncio" not in maps


def test_a_wheel_with_kernels_is_of_this_kind_of_machine(built: tuple[Path, str]) -> None:
    wheel, said = built
    assert wheel.name.endswith(f"-py3-none-linux_{os.uname().machine}.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert any(name.endswith(".so") for name in names)
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert "no kernels" not in said


@pytest.mark.parametrize(
    ("compiler", "words"),
    [
        ("", "no C compiler (gcc), so no kernels"),
        ("#!/bin/sh\nexit 1\n", "the kernels could not be compiled"),
    ],
    ids=["none", "fails"],
)
def test_without_a_compiler_that_works_the_wheel_has_no_kernels(
    tmp_path: Path, compiler: str, words: str
) -> None:
    path = tmp_path / "bin"
    path.mkdir()
    for name in ("sh", "dirname", "uname"):
        (path / name).symlink_to(f"/bin/{name}")
    if compiler:
        (path / "gcc").write_text(compiler)
        (path / "gcc").chmod(0o755)
    wheel, said = build(tmp_path / "wheel", PATH=str(path), CC="")
    assert wheel.name.endswith("-py3-none-any.whl")
    assert [name for name in zipfile.ZipFile(wheel).namelist() if name.endswith(".so")] == []
    assert words in said
    assert "int8 will name the script that compiles them; every other precision works" in said
    show = (
        "import bind_inference.kernels.library as kernels\n"
        "try: kernels.open_library()\n"
        "except kernels.KernelsMissing as error: print(error)"
    )
    message = run(tmp_path, install(wheel, tmp_path / "installed") / "python", "-c", show)
    script = message.partition("compile them with ")[2].split()[0]
    assert Path(script).is_relative_to(tmp_path)
    assert os.access(script, os.X_OK)
