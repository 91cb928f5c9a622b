"""Make token ids of texts: CLIP's byte-pair encoding, after the clean-up that its reference does."""

import functools
import html
import re

import ftfy
import numpy as np
import numpy.typing as npt
from instant_clip_tokenizer import Tokenizer  # type: ignore[import-untyped]  # it ships no types

from bind_inference.errors import InvalidItem, MediaTooLarge
from bind_inference.preprocess.limits import Limits

CONTEXT_LENGTH = 77
_SPECIAL = re.compile(r"(<\|startoftext\|>|<\|endoftext\|>)")
_SPACES = re.compile(r"\s+")


@functools.cache
def _tokenizer() -> Tokenizer:
    return Tokenizer()  # 0.1 s, hence once


def text(data: str, limits: Limits) -> npt.NDArray[np.int64]:
    """Return token ids int64 [77]: start, the text, end, zeros.

    Of a text above 77 tokens the first 77 stay, so it has no end token and is pooled at its highest id.
    Vectors that users have stored were made this way. With `limits.keep_end_token` the first 76 stay and
    the end, as in today's ImageBind, which moves the vectors of such texts far.
    """
    if len(data) > limits.max_text_chars:
        raise MediaTooLarge(
            f"{len(data)} characters; at most {limits.max_text_chars} are taken: send less text"
        )
    try:
        data.encode()
    except UnicodeEncodeError as error:
        raise InvalidItem(
            f"half a surrogate pair at character {error.start}: send well-formed Unicode"
        ) from None
    tokenizer = _tokenizer()
    ids = [tokenizer.start_of_text()]
    for part in _SPECIAL.split(_clean(data)):
        match part:
            case "<|startoftext|>":
                ids.append(tokenizer.start_of_text())
            case "<|endoftext|>":
                ids.append(tokenizer.end_of_text())
            case _:
                ids.extend(tokenizer.encode(part))
    ids.append(tokenizer.end_of_text())
    row = np.zeros(CONTEXT_LENGTH, np.int64)
    kept = ids[:CONTEXT_LENGTH]
    if limits.keep_end_token:
        kept[-1] = tokenizer.end_of_text()  # which it is already, unless the text was cut
    row[: len(kept)] = kept
    return row


def _clean(data: str) -> str:
    """Return the text repaired, HTML entities resolved twice, white space folded, in lower case."""
    try:
        repaired = html.unescape(html.unescape(ftfy.fix_text(data))).strip()
    except ValueError:  # Python reads no number of so many digits
        raise InvalidItem("an HTML entity of over 4,300 digits: send the character itself") from None
    return _SPACES.sub(" ", repaired).strip().lower()
