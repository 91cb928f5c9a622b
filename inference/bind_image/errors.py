"""The one error of a build: it names what was not expected, so that a new torch is seen to be new."""


class Unknown(Exception):
    """Something of torch is not as this program knows it; the message names it, and where to teach it."""
