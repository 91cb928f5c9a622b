"""A library loses parts of its file that nothing reads, and stays loadable where it was in memory.

A part that belongs to the memory of a program is taken out of the segment that loads it: the segment becomes
two, and between them memory is empty. Only whole pages go, since a segment begins at its page of the file.
"""

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bind_image.elf import Section
from bind_image.errors import Unknown

HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
SEGMENT = struct.Struct("<IIQQQQQQ")
SECTION = struct.Struct("<IIQQQQIIQQ")
LITTLE_64 = b"\x7fELF\x02\x01"
PT_LOAD, SHT_NOBITS = 1, 8
NOTES = frozenset({4, 0x6474E553})
"""Segments that tell tools who built a file and how; where the table cannot grow, they make room."""


@dataclass(frozen=True)
class Gap:
    """A part of a file that goes, from and to; whole pages."""

    start: int
    end: int

    @property
    def size(self) -> int:
        """Its bytes."""
        return self.end - self.start


@dataclass(frozen=True)
class Segment:
    """A line of the table by which a file is loaded."""

    kind: int
    flags: int
    offset: int
    address: int
    physical: int
    in_file: int
    in_memory: int
    align: int

    def part(self, start: int, end: int) -> "Segment":
        """Return what loads the part of the file from `start` to `end`; the last part keeps the rest."""
        moved = start - self.offset
        is_last = end == self.offset + self.in_file
        in_memory = self.in_memory - moved if is_last else end - start
        return Segment(
            self.kind,
            self.flags,
            start,
            self.address + moved,
            self.physical + moved,
            end - start,
            in_memory,
            self.align,
        )


def gaps(sections: Iterable[Section], page: int) -> list[Gap]:
    """Return the whole pages of these sections, in the order of the file."""
    found = [
        Gap(-(-section.offset // page) * page, (section.offset + section.size) // page * page)
        for section in sections
    ]
    return sorted((gap for gap in found if gap.size > 0), key=lambda gap: gap.start)


def place(offset: int, out: Sequence[Gap]) -> int:
    """Return where a byte of the file lies when these parts are out."""
    return offset - sum(min(gap.end, offset) - gap.start for gap in out if gap.start < offset)


def split(segments: Iterable[Segment], out: Sequence[Gap]) -> list[Segment]:
    """Return the segments, those that load a gap in parts around it."""
    found: list[Segment] = []
    for segment in segments:
        end = segment.offset + segment.in_file
        inside = [gap for gap in out if segment.offset < gap.start and gap.end < end]
        if segment.kind != PT_LOAD or not inside:
            found.append(segment)
            continue
        starts = [segment.offset, *(gap.end for gap in inside)]
        ends = [*(gap.start for gap in inside), end]
        found += [segment.part(*part) for part in zip(starts, ends, strict=True)]
    return found


def page_of(segments: Iterable[Segment]) -> int:
    """Return the largest page that a segment is aligned to."""
    return max((segment.align for segment in segments if segment.kind == PT_LOAD), default=1)


def read_segments(file: bytes) -> list[Segment]:
    """Return the table of segments. Raises Unknown for a file that is not of 64 bits and little-endian."""
    if file[: len(LITTLE_64)] != LITTLE_64:
        raise Unknown("a library is not of 64 bits and little-endian; see cutting.py")
    header = HEADER.unpack_from(file)
    return [
        _segment(SEGMENT.unpack_from(file, header[5] + number * SEGMENT.size)) for number in range(header[10])
    ]


def cut(file: bytes, sections: Sequence[Section]) -> bytes:
    """Return a library without these sections. Raises Unknown where its table of segments cannot grow."""
    segments = read_segments(file)
    out = gaps(sections, page_of(segments))
    header = list(HEADER.unpack_from(file))
    table, many, entries, count = header[5], header[10], header[6], header[12]
    parts = split(segments, out)
    headers = [list(SECTION.unpack_from(file, entries + number * SECTION.size)) for number in range(count)]
    first = min((one[4] for one in headers if one[4] > 0), default=len(file))
    room = (first - table) // SEGMENT.size
    if len(parts) > room:
        parts = [part for part in parts if part.kind not in NOTES]
    if len(parts) > max(room, many):
        raise Unknown(f"there is no room for {len(parts) - many} segments more; see cutting.py")

    cut_off = {section.offset for section in sections}
    for one in headers:
        if one[4] in cut_off and one[1] != SHT_NOBITS:
            one[1] = SHT_NOBITS
        one[4] = place(one[4], out)
    made = bytearray()
    start = 0
    for gap in out:
        made += file[start : gap.start]
        start = gap.end
    made += file[start:]
    header[6], header[10] = place(entries, out), len(parts)
    HEADER.pack_into(made, 0, *header)
    for number, part in enumerate(parts):
        fields = (part.kind, part.flags, place(part.offset, out), part.address, part.physical)
        SEGMENT.pack_into(
            made, table + number * SEGMENT.size, *fields, part.in_file, part.in_memory, part.align
        )
    for number, one in enumerate(headers):
        SECTION.pack_into(made, header[6] + number * SECTION.size, *one)
    return bytes(made)


def _segment(fields: tuple[int, ...]) -> Segment:
    kind, flags, offset, address, physical, in_file, in_memory, align = fields
    return Segment(kind, flags, offset, address, physical, in_file, in_memory, align)
