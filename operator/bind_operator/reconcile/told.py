"""It is remembered what this operator told by events, so that it tells what one before it could not."""

from dataclasses import dataclass, field

from bind_operator.policy.facts import Key


@dataclass
class ToldRevisions:
    """It remembers the latest revision of each release that was told of."""

    _latest: dict[Key, int] = field(default_factory=dict)

    def note(self, key: Key, revision: int) -> None:
        """Remember that a revision is told of."""
        self._latest[key] = revision

    def has(self, key: Key, revision: int) -> bool:
        """Return whether a revision, or a later one, was told of."""
        return self._latest.get(key, 0) >= revision

    def forget(self, key: Key) -> None:
        """Forget a resource that is gone."""
        self._latest.pop(key, None)
