"""Make the engine that settings ask for: weights, precision, self-check, first passes."""

from __future__ import annotations

import copy
import hashlib
import logging
import time
from typing import TYPE_CHECKING, Final

import torch

from bind_inference.engine.devices import find_devices
from bind_inference.engine.lowering import lower
from bind_inference.engine.precision import AUTO, Precision, choose_for_cpu, choose_for_cuda, ladder
from bind_inference.engine.selfcheck.result_file import ResultFile, machine_key
from bind_inference.engine.several import SideBySide
from bind_inference.engine.torch_engine import TorchEngine
from bind_inference.engine.trim import trim
from bind_inference.readiness import Amount, Phase, Readiness
from bind_inference.weights.progress import Pace, Progress, Stage
from bind_inference.weights.reading import SEEDED, named_source, read_model
from bind_inference.weights.source import converted_name

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bind_inference.engine.protocol import Engine
    from bind_inference.engine.selfcheck.result import CheckResult
    from bind_inference.model import ImageBind
    from bind_inference.settings import ModelSettings
    from bind_inference.weights.source import Source

    Report = Callable[[Readiness], None]

log = logging.getLogger(__name__)

PREPARATION: Final = 1
"""Raised by one when a change of preprocessing moves vectors."""
_PHASES: Final = {
    Stage.DOWNLOAD: Phase.DOWNLOADING,
    Stage.VERIFY: Phase.LOADING,
    Stage.CONVERT: Phase.LOADING,
    Stage.LOAD: Phase.LOADING,
}


def load_engine(settings: ModelSettings, report: Report) -> Engine:
    """Return the engine that `settings` ask for; `report` is called with each phase.

    Raises DeviceLost if GPUs are asked for that are not there or not fit, WeightsError without weights.
    """
    devices = find_devices(settings)
    report(Readiness(Phase.LOADING))
    model, precision, results = _prepare(settings, devices[0], report)
    models = [model, *(copy.deepcopy(model).to(device) for device in devices[1:])]
    engines = [
        TorchEngine(one, device, precision, space=_space(settings), checks=results)
        for one, device in zip(models, devices, strict=True)
    ]
    report(Readiness(Phase.WARMING))
    for engine in engines:
        engine.warm_up()
    trim()
    return engines[0] if len(engines) == 1 else SideBySide(engines)


def choose_precision(settings: ModelSettings, device: torch.device) -> Precision:
    """Return the precision to try first. Tiny is for trying the system: there, auto is exact."""
    if settings.precision != AUTO:
        return Precision(settings.precision)
    if settings.model == SEEDED:
        return Precision.FLOAT32
    if device.type == "cpu":
        return choose_for_cpu(torch.cpu.get_capabilities())
    return choose_for_cuda(torch.cuda.get_device_capability(device))


def _prepare(
    settings: ModelSettings, device: torch.device, report: Report
) -> tuple[ImageBind, Precision, list[CheckResult]]:
    """Return the model at the first precision that passes its self-check, and the results of all checks.

    float32, which the others are held to, always passes.
    """
    limit = settings.precision_min_cosine
    file = ResultFile(_results_path(settings), machine_key(device))
    results: list[CheckResult] = []
    for precision in ladder(choose_precision(settings, device), device.type):
        result = None if precision is Precision.FLOAT32 else file.get(precision)
        if result is not None:
            results.append(result)
            if not result.passes(limit):
                _warn(result, limit)
                continue
        model = read_model(
            settings.model,
            _source(settings),
            settings.cache_dir,
            _reporter(report),
        )
        if precision is Precision.FLOAT32 or result is not None:
            for encoder in model.config.trunks:
                lower(model, encoder, precision, device)
            break
        report(Readiness(Phase.LOADING, f"checking {precision} against float32, once"))
        # It imports the libraries that decode media, which are needed here alone.
        from bind_inference.engine.selfcheck.check import lower_checked

        result = lower_checked(model, precision, device)
        file.put(result)
        results.append(result)
        if result.passes(limit):
            break
        _warn(result, limit)
    if results and results[-1].precision is precision:
        log.info("self-check passed", extra={"precision": precision, "cosines": dict(results[-1].cosines)})
    return model, precision, results


def _warn(result: CheckResult, limit: float) -> None:
    log.warning(
        "self-check failed, the next higher precision is taken",
        extra={
            "precision": result.precision,
            "detail": f"{result.describe()}, at least {limit:g} is asked (BIND_PRECISION_MIN_COSINE)",
            "cosines": dict(result.cosines),
        },
    )


def _results_path(settings: ModelSettings) -> Path | None:
    """Return where results are kept: in the cache, beside weights converted there. Tiny's check is cheap."""
    if settings.model == SEEDED:
        return None
    name = converted_name(settings.model, _source(settings).sha256)
    return (settings.cache_dir / name).with_suffix(".selfcheck.json")


def _space(settings: ModelSettings) -> str:
    """Return eight digits of the weights, of how texts are cut and of how media are prepared."""
    weights = SEEDED if settings.model == SEEDED else _source(settings).sha256
    parts = (weights, settings.text_truncation, PREPARATION)
    return hashlib.blake2b("|".join(map(str, parts)).encode(), digest_size=4).hexdigest()


def _source(settings: ModelSettings) -> Source:
    return named_source(settings.weights_path, settings.weights_url, settings.weights_sha256)


def _reporter(report: Report) -> Callable[[Progress], None]:
    pace = Pace()

    def tell(progress: Progress) -> None:
        report(_readiness(progress, pace.seconds_left(progress, time.monotonic())))

    return tell


def _readiness(progress: Progress, seconds_left: float | None) -> Readiness:
    phase, detail = _PHASES[progress.stage], progress.stage.value
    if not progress.total_bytes:
        return Readiness(phase, detail)
    amount = Amount(progress.done_bytes, progress.total_bytes, seconds_left)
    return Readiness(phase, detail, progress.done_bytes / progress.total_bytes, amount)
