"""Parts of a library's file go, and what is left is loaded to where it was."""

import struct

import pytest

from bind_image.cutting import HEADER, PT_LOAD, SEGMENT, Gap, Segment, cut, gaps, place, read_segments, split
from bind_image.elf import Section
from bind_image.errors import Unknown

PAGE = 0x1000
OUT = [Gap(0x3000, 0x5000), Gap(0x8000, 0x9000)]


def segment(kind: int, offset: int, address: int, in_file: int, in_memory: int) -> Segment:
    return Segment(kind, 4, offset, address, address, in_file, in_memory, PAGE)


def test_only_whole_pages_go() -> None:
    sections = [
        Section(".strtab", 0x8001, 0x2000, is_loaded=False),
        Section(".nv_fatbin", 0x2F00, 0x2200, is_loaded=True),
        Section(".symtab", 0x7001, 0xFFF, is_loaded=False),
    ]
    assert gaps(sections, PAGE) == [Gap(0x3000, 0x5000), Gap(0x9000, 0xA000)]


@pytest.mark.parametrize(
    ("before", "after"),
    [(0, 0), (0x3000, 0x3000), (0x5000, 0x3000), (0x7FFF, 0x5FFF), (0x9000, 0x6000), (0x3800, 0x3000)],
)
def test_what_follows_a_part_moves_up(before: int, after: int) -> None:
    assert place(before, OUT) == after


def test_a_segment_around_a_part_becomes_two_that_load_to_where_it_was() -> None:
    whole = segment(PT_LOAD, 0x2000, 0x12000, 0x4000, 0x4800)
    first, second = split([whole], OUT)
    assert first == segment(PT_LOAD, 0x2000, 0x12000, 0x1000, 0x1000)
    assert second == segment(PT_LOAD, 0x5000, 0x15000, 0x1000, 0x1800), "with the zeros behind it"


def test_other_segments_stay_whole() -> None:
    others = [
        segment(PT_LOAD, 0x5000, 0x5000, 0x3000, 0x3000),
        segment(PT_LOAD, 0x9000, 0x9000, 0x1000, 0x1000),
        segment(6, 0x2000, 0x2000, 0x4000, 0x4000),
    ]
    assert split(others, OUT) == others


def small_file(first_section: int, kinds: list[int]) -> bytes:
    """Return a file with one segment of each kind, and two sections; that at 0x2000 is in all segments."""
    size = 0x6000
    entries = 0x5000
    file = bytearray(size)
    magic = b"\x7fELF\x02\x01\x01".ljust(16, b"\0")
    HEADER.pack_into(file, 0, magic, 3, 62, 1, 0, 64, entries, 0, 64, 56, len(kinds), 64, 2, 0)
    for number, kind in enumerate(kinds):
        SEGMENT.pack_into(file, 64 + number * 56, kind, 4, 0, 0, 0, 0x4000, 0x4000, PAGE)
    struct.pack_into("<IIQQQQIIQQ", file, entries, 0, 1, 2, 0, first_section, 8, 0, 0, 1, 0)
    struct.pack_into("<IIQQQQIIQQ", file, entries + 64, 0, 1, 2, 0, 0x2000, 0x1000, 0, 0, 1, 0)
    file[0x2000:0x3000] = b"\xc9" * 0x1000
    file[0x3000:0x3004] = b"next"
    return bytes(file)


CODE = [Section(".nv_fatbin", 0x2000, 0x1000, is_loaded=True)]


def test_a_table_with_room_grows() -> None:
    made = cut(small_file(0x400, [PT_LOAD, 4]), CODE)
    assert len(made) == 0x5000
    assert b"\xc9" not in made
    assert made[0x2000:0x2004] == b"next"
    assert [(one.kind, one.offset, one.address) for one in read_segments(made)] == [
        (PT_LOAD, 0, 0),
        (PT_LOAD, 0x2000, 0x3000),
        (4, 0, 0),
    ]


def test_in_a_table_without_room_notes_give_way() -> None:
    made = cut(small_file(64 + 2 * 56, [PT_LOAD, 4]), CODE)
    assert [one.kind for one in read_segments(made)] == [PT_LOAD, PT_LOAD]


def test_a_table_that_cannot_grow_is_an_error() -> None:
    with pytest.raises(Unknown, match="no room for 1 segments more"):
        cut(small_file(64 + 2 * 56, [PT_LOAD, 6]), CODE)


def test_a_file_of_another_machine_is_an_error() -> None:
    with pytest.raises(Unknown, match="not of 64 bits and little-endian"):
        read_segments(b"\x7fELF\x01\x01" + bytes(100))
