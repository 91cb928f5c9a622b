"""An answer from the network is read to a bound, since whoever gives it may be broken or somebody else."""

import aiohttp

CHUNK = 64 * 1024


async def read_bounded(response: aiohttp.ClientResponse, most: int) -> bytes | None:
    """Return the body, or None if it has more than `most` bytes: the rest is not read."""
    body = bytearray()
    async for chunk in response.content.iter_chunked(CHUNK):
        body += chunk
        if len(body) > most:
            return None
    return bytes(body)
