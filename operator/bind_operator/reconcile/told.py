"""It is remembered what this operator told by events, so that nothing is told twice and no end is missing."""

from dataclasses import dataclass, field

from bind_operator.policy.facts import Key

ReadyWords = tuple[str | None, str | None]
"""The status and the reason of Ready."""


@dataclass
class Told:
    """It remembers the latest revision, and the latest word on Ready, that were told of each resource.

    That outlives leadership: what was told while a status could not be written is told all the same.
    """

    _revisions: dict[Key, int] = field(default_factory=dict)
    _ready: dict[Key, ReadyWords] = field(default_factory=dict)

    def note_revision(self, key: Key, revision: int) -> None:
        """Remember that a revision is told of."""
        self._revisions[key] = revision

    def has_revision(self, key: Key, revision: int) -> bool:
        """Return whether a revision, or a later one, was told of."""
        return self._revisions.get(key, 0) >= revision

    def is_new_ready(self, key: Key, written: ReadyWords, ready: ReadyWords) -> bool:
        """Return whether `ready` is to be told, and remember it. written: what the status says so far."""
        before = self._ready.get(key, written)
        self._ready[key] = ready
        return before != ready

    def forget(self, key: Key) -> None:
        """Forget a resource that is gone."""
        self._revisions.pop(key, None)
        self._ready.pop(key, None)
