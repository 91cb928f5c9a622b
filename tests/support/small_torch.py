"""A folder as of an installed torch: small libraries, made with gcc, that are linked as torch's are."""

import subprocess
from pathlib import Path

VERSION = "__version__ = '2.13.0+cu130'\ncuda: Optional[str] = '13.0'\nhip: Optional[str] = None\n"

RUNTIME = """
int cudaGetDeviceCount(int *count) { *count = 1; return 0; }
const char *cudaGetErrorString(int code) { return "fine"; }
int cudaFree(void *memory) { return 0; }
int unasked;
"""
RUNTIME_VERSIONS = "libcudart.so.13 { global: *; };"
BLAS = "int cublasCreate_v2(void) { return 0; }"
GPU_CODE = """
__asm__(".section .nv_fatbin, \\"a\\"\\n.rept 65536\\n.byte 0xc9\\n.endr\\n.previous");
extern int cudaGetDeviceCount(int *), cublasCreate_v2(void);
extern const char *cudaGetErrorString(int);
int devices(void) { int count = 0; return cudaGetDeviceCount(&count) ? 0 : count; }
int blas(void) { return cublasCreate_v2(); }
const char *why(void) { return cudaGetErrorString(100); }
"""


def compile_library(path: Path, code: str, *needed: Path, script: str = "") -> Path:
    """Make a library with debugging symbols, linked to `needed`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    source = path.with_suffix(".c")
    source.write_text(code, encoding="utf-8")
    versions = path.with_suffix(".map")
    versions.write_text(script, encoding="utf-8")
    flags = [f"-Wl,--version-script={versions}"] if script else []
    command = [
        "gcc",
        "-shared",
        "-fPIC",
        "-g",
        f"-Wl,-soname,{path.name}",
        "-Wl,-rpath,$ORIGIN:$ORIGIN/lib",
        *flags,
    ]
    subprocess.run([*command, "-o", path, source, *needed], check=True)
    source.unlink()
    versions.unlink()
    return path


def small_torch(folder: Path, *, gpu_code: str = GPU_CODE) -> Path:
    """Return a torch that is linked to two of NVIDIA's libraries, which are elsewhere and then gone."""
    torch, nvidia = folder / "torch", folder / "nvidia"
    runtime = compile_library(nvidia / "libcudart.so.13", RUNTIME, script=RUNTIME_VERSIONS)
    blas = compile_library(nvidia / "libcublas.so.13", BLAS)
    gpu = compile_library(torch / "lib/libtorch_cuda.so", gpu_code, runtime, blas)
    names = "int devices(void); const char *why(void); int blas(void);"
    code = (
        f"{names} int found(void) {{ return devices() + blas(); }} const char *said(void) {{ return why(); }}"
    )
    compile_library(torch / "_C.so", code, gpu)
    compile_library(torch / "lib/libtorch_cuda_linalg.so", "int alone;", runtime)
    for name in ("libtorch_global_deps.so", "libshm.so"):
        compile_library(torch / "lib" / name, "int some;")
    for name in ("include/torch.h", "share/cmake", "bin/protoc", "bin/torch_shm_manager"):
        (torch / name).parent.mkdir(parents=True, exist_ok=True)
        (torch / name).touch()
    (torch / "version.py").write_text(VERSION, encoding="utf-8")
    for path in (runtime, blas):
        path.unlink()
    return torch
