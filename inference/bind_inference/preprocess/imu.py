"""Prepare recordings of a gyroscope and an accelerometer, which come as CSV."""

import io

import numpy as np

from bind_inference.errors import InvalidItem, MediaTooLarge
from bind_inference.preprocess.limits import Floats, Limits

CHANNELS, SAMPLES = 6, 2000
LONGEST_LINE = 1000  # characters of six numbers
LARGEST = 1e9  # no sensor's; squares of sums of numbers above 1e18 overflow inside the model
COLUMNS = "gyro_x,gyro_y,gyro_z,accl_x,accl_y,accl_z"


def imu(data: bytes, limits: Limits) -> Floats:
    """Return a recording as float32 [6, 2000]: cut at 2,000 samples, or zeros after its end.

    data: CSV of six columns under one line of names, which is skipped. The numbers are laid out row after
    row over the six channels, not column by column: stored vectors came from the reference's reshape.
    """
    # Before they become objects; twice as many, for blank lines and line ends of two characters.
    ends = max(data.count(b"\n"), data.count(b"\r"))
    if ends > 2 * limits.max_imu_rows:
        raise MediaTooLarge(f"{ends} lines; at most {limits.max_imu_rows} rows are taken: send fewer")
    try:
        lines = data.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise InvalidItem(f"not a text file: send CSV with the columns {COLUMNS}") from None
    rows = [(number, line) for number, line in enumerate(lines, start=1) if line.strip()][1:]
    if not rows:
        raise InvalidItem(f"no rows under the first line: send CSV with the columns {COLUMNS}")
    if len(rows) > limits.max_imu_rows:
        raise MediaTooLarge(f"{len(rows)} rows; at most {limits.max_imu_rows} are taken: send fewer")
    samples = _numbers(rows).reshape(CHANNELS, -1)[:, :SAMPLES]
    recording = np.zeros((CHANNELS, SAMPLES), np.float32)
    recording[:, : samples.shape[1]] = samples
    return recording


def _numbers(rows: list[tuple[int, str]]) -> Floats:
    """Return the numbers of rows (line number, text) as [rows, 6]."""
    if any(line.count(",") != CHANNELS - 1 or len(line) > LONGEST_LINE for _, line in rows):
        raise InvalidItem(_complaint(rows))
    text = io.StringIO("\n".join(line for _, line in rows))
    try:
        table = np.loadtxt(text, delimiter=",", dtype=np.float64, ndmin=2, comments=None)
        with np.errstate(over="ignore"):
            numbers: Floats = table.astype(np.float32)
    except ValueError:
        raise InvalidItem(_complaint(rows)) from None
    if numbers.shape[1] != CHANNELS or not (np.abs(numbers) <= LARGEST).all():
        raise InvalidItem(_complaint(rows))
    return numbers


def _complaint(rows: list[tuple[int, str]]) -> str:
    """Return what is wrong with the first bad row."""
    for number, line in rows:
        columns = line.count(",") + 1  # not split before it is known that they are few
        if columns != CHANNELS:
            return f"line {number} has {columns} columns, not {CHANNELS}: send CSV with {COLUMNS}"
        if len(line) > LONGEST_LINE:
            return f"line {number} has {len(line)} characters; at most {LONGEST_LINE} are taken"
        for column, cell in enumerate(line.split(","), start=1):
            if not _is_plausible(cell):
                shown = cell.strip()[:20]
                return f"line {number}, column {column}: {shown!r} is not a number within +-1e9"
    return f"not a table of numbers: send CSV with the columns {COLUMNS}"


def _is_plausible(cell: str) -> bool:
    try:
        return abs(float(cell)) <= LARGEST
    except ValueError:
        return False
