"""The one error of the benchmarks says what failed, and what to do about it."""

from bind_local.errors import LocalError


class BenchError(LocalError):
    """A step of a benchmark failed."""
