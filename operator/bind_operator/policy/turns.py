"""Looks that nothing asks for are spread over their interval: each resource has its own turn in it.

Resources that become ready together would otherwise be looked at together for ever: with 300 of them the API
server was busy for a minute of every five, and a pod's death was told after five seconds instead of one.
"""

import zlib

from bind_operator.policy.facts import Key


def turn_in_s(key: Key, interval_s: float, now: float) -> float:
    """Return in how many seconds the turn of `key` comes next: above 0, at most `interval_s`.

    now: monotonic seconds.
    """
    turn = zlib.crc32(str(key).encode()) / 2**32 * interval_s
    return (turn - now) % interval_s or interval_s
