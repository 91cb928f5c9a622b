"""Makes a part of our own message of what a decoder library says of a broken item."""


def one_line(error: Exception) -> str:
    """Return what `error` says in one line of at most 200 characters; its type where it says nothing."""
    words = (
        getattr(error, "strerror", None) or error
    )  # FFmpeg's errors tell a file name as well, which is ours
    return " ".join(str(words).split())[:200] or type(error).__name__
