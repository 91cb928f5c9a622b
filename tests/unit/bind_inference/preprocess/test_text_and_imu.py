"""Texts and CSV recordings at the edges."""

import numpy as np
import pytest

from bind_inference.errors import InvalidItem, MediaTooLarge
from bind_inference.modality import Modality
from bind_inference.preprocess import Limits, preprocess

END = 49407
HEADER = "gyro_x,gyro_y,gyro_z,accl_x,accl_y,accl_z\n"


def csv(rows: int, cell: str = "1") -> bytes:
    return (HEADER + (",".join([cell] * 6) + "\n") * rows).encode()


def test_a_text_of_78_tokens_loses_its_end() -> None:
    kept = preprocess(Modality.TEXT, "dog " * 75)
    cut = preprocess(Modality.TEXT, "dog " * 76)
    assert kept[76] == 49407
    assert 49407 not in cut.tolist()


def test_half_a_surrogate_pair_is_refused_with_its_place() -> None:
    with pytest.raises(InvalidItem, match="half a surrogate pair at character 2"):
        preprocess(Modality.TEXT, "ab\ud800")


def test_an_endless_text_is_refused_with_both_figures() -> None:
    with pytest.raises(MediaTooLarge, match="100001 characters; at most 100000"):
        preprocess(Modality.TEXT, "a" * 100_001)


def test_rows_are_laid_out_one_after_another_over_the_channels() -> None:
    """Twelve numbers in two rows: channel 0 gets the first two, channel 5 the last two."""
    data = (HEADER + "1,2,3,4,5,6\n7,8,9,10,11,12\n").encode()
    made = preprocess(Modality.IMU, data)
    assert made.shape == (6, 2000)
    assert made[:, :2].flatten().tolist() == list(range(1, 13))
    assert not made[:, 2:].any()


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\n\n"])
def test_line_ends_blank_lines_and_a_byte_order_mark_do_not_matter(newline: str) -> None:
    data = csv(3).decode().replace("\n", newline)
    assert np.array_equal(
        preprocess(Modality.IMU, data.encode("utf-8-sig")), preprocess(Modality.IMU, csv(3))
    )


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "no rows under the first line"),
        (HEADER.encode(), "no rows under the first line"),
        (b"\xff\xfe\x00", "not a text file"),
        (csv(2) + b"1,2,3\n", "line 4 has 3 columns, not 6"),
        (csv(2) + b"1,2,x,4,5,6\n", "line 4, column 3: 'x' is not a number"),
        (csv(2) + b"1,2,,4,5,6\n", "line 4, column 3: '' is not a number"),
        (csv(2, "nan"), "line 2, column 1: 'nan' is not a number"),
        (csv(2, "-inf"), "line 2, column 1: '-inf' is not a number"),
        (csv(2, "1e30"), "line 2, column 1: '1e30' is not a number within"),
        (csv(2).replace(b",", b";"), "line 2 has 1 columns"),
    ],
)
def test_a_bad_recording_names_the_line_and_column(data: bytes, words: str) -> None:
    with pytest.raises(InvalidItem, match=words):
        preprocess(Modality.IMU, data)


def test_too_many_rows_are_refused_with_both_figures() -> None:
    with pytest.raises(MediaTooLarge, match="11 rows; at most 10"):
        preprocess(Modality.IMU, csv(11), Limits(max_imu_rows=10))


@pytest.mark.parametrize("words", [1, 74, 75])
def test_a_text_that_fits_is_the_same_however_longer_ones_are_cut(words: int) -> None:
    text = " ".join(["cat"] * words)
    kept = preprocess(Modality.TEXT, text, Limits(keep_end_token=True))
    assert kept.tolist() == preprocess(Modality.TEXT, text).tolist()
    assert kept[words + 1] == END


@pytest.mark.parametrize("words", [76, 500])
def test_a_longer_text_keeps_its_end_token_only_if_asked_to(words: int) -> None:
    text = " ".join(["cat"] * words)
    peers, upstreams = (
        preprocess(Modality.TEXT, text, Limits(keep_end_token=keep)) for keep in (False, True)
    )
    assert END not in peers
    assert upstreams[:76].tolist() == peers[:76].tolist()
    assert upstreams[76] == END


def test_an_entity_of_endless_digits_is_named() -> None:
    with pytest.raises(InvalidItem, match="HTML entity"):
        preprocess(Modality.TEXT, "a &#" + "1" * 5000 + "; b")
