"""Keeps the vectors of items that were asked for before, within bytes. Pure; one thread uses it.

cachetools has the same (LRUCache with getsizeof), and would have to be wrapped for the copy and the counts.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from bind_inference.items.embedding import Embedding

if TYPE_CHECKING:
    from bind_inference.items.embedding import Key

# Bytes of an entry besides its vector's numbers (key, digest, array header, links). Measured with tracemalloc
# over 10,000 entries of 1,024 dimensions: 386; and some for what malloc rounds up.
ENTRY_BYTES: Final = 512


class VectorCache:
    """The cache finds embeddings by the content of their items, and drops the least recently used first."""

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self.held_bytes = 0
        self._entries: OrderedDict[Key, Embedding] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def enabled(self) -> bool:
        """Return whether it may hold anything."""
        return self.max_bytes > 0

    def get(self, key: Key) -> Embedding | None:
        """Return the embedding of `key`, the same bits as were put, or None."""
        found = self._entries.get(key)
        if found is not None:
            self._entries.move_to_end(key)
        return found

    def put(self, key: Key, embedding: Embedding) -> None:
        """Keep `embedding`, unless it alone is above the bound; drop others for it if need be."""
        size = _size(embedding)
        if size > self.max_bytes:
            return
        vector = embedding.vector.copy()  # a row would keep the whole batch in memory
        vector.flags.writeable = False
        if (before := self._entries.pop(key, None)) is not None:
            self.held_bytes -= _size(before)
        self._entries[key] = Embedding(vector, embedding.tokens)
        self.held_bytes += size
        while self.held_bytes > self.max_bytes:
            _, oldest = self._entries.popitem(last=False)
            self.held_bytes -= _size(oldest)


def _size(embedding: Embedding) -> int:
    return embedding.vector.nbytes + ENTRY_BYTES
