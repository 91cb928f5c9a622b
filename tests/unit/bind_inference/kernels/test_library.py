"""Which kernels a processor gets, and what is said where there are none."""

from pathlib import Path
from platform import machine

import pytest

from bind_inference.kernels import library


@pytest.mark.parametrize(
    ("platform", "capabilities", "wanted"),
    [
        ("x86_64", {"avx2": True, "avx512_vnni": True}, "x86-64-v4"),
        ("x86_64", {"avx2": True, "avx512_vnni": False}, "x86-64-v3"),
        ("x86_64", {"avx2": False}, "x86-64-v2"),
        ("x86_64", {}, "x86-64-v2"),
        ("aarch64", {"neon": True}, "armv8-a"),
        ("riscv64", {}, "native"),
    ],
)
def test_the_level_follows_from_the_processor(
    platform: str, capabilities: dict[str, object], wanted: str
) -> None:
    assert library.level(platform, capabilities) == wanted


def test_all_levels_of_this_kind_of_processor_are_built() -> None:
    """Were there none, test_rows.py would have nothing to try, and pytest would only skip it."""
    built = {path.stem for path in library.FOLDER.glob("rows-*.so")}
    wanted = set(library.LEVELS) if machine() == "x86_64" else {library.fitting()}
    assert built == {f"rows-{level}" for level in wanted}, "make venv compiles them"
    assert library.fitting() in wanted


@pytest.mark.parametrize("content", [None, b"no library"])
def test_kernels_that_cannot_be_loaded_say_how_to_get_them(
    content: bytes | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if content is not None:
        (tmp_path / f"rows-{library.fitting()}.so").write_bytes(content)
    monkeypatch.setattr(library, "FOLDER", tmp_path)
    library.open_library.cache_clear()
    with pytest.raises(
        library.KernelsMissing, match=r"int8 needs .*rows-.*\.so cannot be loaded .*build\.sh"
    ):
        library.open_library()
