"""The snippet of docs/how-to/load.md runs against the real client's signatures; only the server is faked."""

from __future__ import annotations

import re
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import MagicMock, create_autospec

import numpy as np
import weaviate
from weaviate.collections.batch.collection import BatchCollectionSync

from bind_inference.modality import Modality
from bind_load.plan import Source
from bind_load.store import Store
from bind_load.table import Origin, Record, schema_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "how-to" / "load.md").read_text(encoding="utf-8")


class FakeClient:
    """Stands in for a cluster: what is called has the real client's signatures."""

    def __init__(self) -> None:
        self.batch = create_autospec(BatchCollectionSync, instance=True)
        self.collections = MagicMock()
        media = self.collections.create.return_value
        media.batch.dynamic = self._dynamic
        media.batch.failed_objects = []
        media.query.near_text.return_value.objects = []

    @contextmanager
    def _dynamic(self) -> Iterator[Any]:
        yield self.batch

    def __enter__(self) -> FakeClient:
        return self

    def __exit__(self, *_: object) -> None:
        pass


def test_the_snippet_gives_every_vector_to_weaviate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    store = Store(tmp_path / "vectors.parquet", Origin("Tiny", 4, "float32"))
    with store.hold():
        vector = np.array([1, 2, 3, 4], np.float32)
        text = Source("note.txt", Modality.TEXT, 5, 1)
        store.write(
            [
                Record(text, "aa", "a dog", vector),
                Record(Source("b.jpg", Modality.IMAGE, 1, 1), "bb", error="broken"),
            ]
        )
        store.finish(frozenset())
    client = FakeClient()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(weaviate, "connect_to_local", lambda: client)
    exec(compile(code, "docs/how-to/load.md", "exec"), {})  # noqa: S102  (our own page)
    client.batch.add_object.assert_called_once_with(
        properties={"path": "note.txt", "modality": "text", "text": "a dog"},
        vector={"bind": [1.0, 2.0, 3.0, 4.0]},
    )
    assert client.collections.create.call_args.args == ("Media",)


def test_the_page_tells_every_column() -> None:
    for name in schema_of(Origin("Tiny", 4, "float32")).names:
        assert f"`{name}`" in PAGE
