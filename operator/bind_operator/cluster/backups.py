"""Weaviate is told to begin a backup, and asked how it stands."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from bind_operator.api.backup import Backup
from bind_operator.cluster.weaviate_api import Weaviate
from bind_operator.policy.answers import Answer
from bind_operator.policy.backup import Begun, Delayed, Ended, News, Nothing, Refused, Run
from bind_operator.policy.weaviate_answers import BUSY, MODULE_ABSENT, NOTHING_THERE, read_process, words_of


async def begin_backup(weaviate: Weaviate, spec: Backup, run: Run) -> News:
    """Begin a backup, unless it is there already: begun by an operator that ended right then."""
    there = await weaviate.ask("GET", f"backups/{spec.backend}/{run.id}")
    if there.status == HTTPStatus.OK:
        return Begun(run)
    if there.status != HTTPStatus.NOT_FOUND:
        return _not_begun(there, run)
    objects = await weaviate.count()
    answer = await weaviate.ask("POST", f"backups/{spec.backend}", request_of(spec, run))
    return Begun(run, objects) if answer.status == HTTPStatus.OK else _not_begun(answer, run)


async def follow_backup(weaviate: Weaviate, backend: str, id_: str) -> News | None:
    """Return how a backup that ran has ended; None if it has not, or Weaviate cannot tell now."""
    answer = await weaviate.ask("GET", f"backups/{backend}/{id_}")
    process = read_process(answer.body) if answer.status == HTTPStatus.OK else None
    if process is None or not process.has_ended:
        return None
    objects = await weaviate.count() if process.status == "SUCCESS" else None
    return Ended(id_, process, objects)


def request_of(spec: Backup, run: Run) -> Mapping[str, Any]:
    """Return the body by which Weaviate begins a backup."""
    config = {"CompressionLevel": str(spec.compression_level), "CPUPercentage": spec.cpu_percentage}
    body: dict[str, Any] = {"id": run.id, "config": config}
    return body | (
        {"include": spec.include} if spec.include else {"exclude": spec.exclude} if spec.exclude else {}
    )


def _not_begun(answer: Answer, run: Run) -> News:
    words = words_of(answer)
    if answer.fault is not None:
        return Delayed(run, f"Weaviate does not answer: {answer.text}")
    if f"{run.id} {BUSY}" in words:
        # Its first answer was lost.
        return Begun(run)
    if BUSY in words:
        return Delayed(run, f"Weaviate makes another one: {words}")
    if MODULE_ABSENT in words:
        return Delayed(run, f"Weaviate runs without the module still: {words}")
    return Nothing(run) if NOTHING_THERE in words else Refused(run, words)
