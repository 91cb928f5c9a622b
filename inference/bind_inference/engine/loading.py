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
from bind_inference.engine.selfcheck.known import find_strange
from bind_inference.engine.selfcheck.result_file import ResultFile, machine_key
from bind_inference.engine.several import SideBySide
from bind_inference.engine.torch_engine import TorchEngine
from bind_inference.engine.trim import trim
from bind_inference.readiness import Amount, Phase, Readiness
from bind_inference.weights.errors import WeightsError
from bind_inference.weights.progress import Pace, Progress, Stage
from bind_inference.weights.reading import SEEDED, named_source, read_weights
from bind_inference.weights.source import converted_name, distrust

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bind_inference.engine.protocol import Engine
    from bind_inference.engine.selfcheck.known import Strange
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
    """Return the model at the first precision that passes its checks, and the results of all self-checks.

    float32, which the others are held to, always passes its self-check. Raises WeightsError if even that does
    not give the known answers.
    """
    limit = settings.precision_min_cosine
    file = ResultFile(_results_path(settings), machine_key(device))
    results: list[CheckResult] = []
    for precision in ladder(choose_precision(settings, device), device.type):
        result = None if precision is Precision.FLOAT32 else file.get(precision)
        if result is not None and not result.passes(limit):
            results.append(result)
            _warn(result, limit)
            continue
        model, made, strange = _load(settings, precision, device, report, is_checked=result is not None)
        if made is not None:
            file.put(made)
        result = result or made
        if result is not None:
            results.append(result)
            if not result.passes(limit):
                _warn(result, limit)
                continue
        if not strange:
            break
        _tell_strange(strange, precision)
    if results and results[-1].precision is precision:
        log.info("self-check passed", extra={"precision": precision, "cosines": dict(results[-1].cosines)})
    return model, precision, results


def _load(
    settings: ModelSettings, precision: Precision, device: torch.device, report: Report, *, is_checked: bool
) -> tuple[ImageBind, CheckResult | None, Strange]:
    """Return the model, lowered; the result of the self-check, None if it need not be made; what is strange.

    Where it does not give its known answers the file is summed up again and, if it is damaged, made anew;
    and the weights are read once more.
    """
    source = _source(settings)

    def load() -> tuple[ImageBind, CheckResult | None, Strange]:
        weights = read_weights(settings.model, source, settings.cache_dir, _reporter(report))
        result = _lower(weights.model, precision, device, report, is_checked=is_checked)
        return weights.model, result, find_strange(weights, precision)

    model, result, strange = load()
    if strange:
        del model  # two of them may be more than there is room for
        log.warning(
            "the model does not give its known answers: its file is summed up again, and read again",
            extra={"precision": precision, "cosines": strange},
        )
        distrust(settings.model, source, settings.cache_dir)
        model, result, strange = load()
    return model, result, strange


def _lower(
    model: ImageBind, precision: Precision, device: torch.device, report: Report, *, is_checked: bool
) -> CheckResult | None:
    """Lower a model; return the result of the self-check, None if it need not be made."""
    if precision is Precision.FLOAT32 or is_checked:
        for encoder in model.config.trunks:
            lower(model, encoder, precision, device)
        return None
    report(Readiness(Phase.LOADING, f"checking {precision} against float32, once"))
    # It imports the libraries that decode media, which are needed here alone.
    from bind_inference.engine.selfcheck.check import lower_checked

    return lower_checked(model, precision, device)


def _tell_strange(strange: Strange, precision: Precision) -> None:
    """Log that a precision does not give the known answers. Raises WeightsError if it is the exact one."""
    described = ", ".join(f"{encoder}: cosine {cosine:.5f}" for encoder, cosine in strange.items())
    if precision is Precision.FLOAT32:
        raise WeightsError(
            f"the model does not give its known answers ({described}) although its file is whole: this "
            "machine computes wrongly, or its memory is damaged; start the server on another one"
        )
    log.warning(
        "the model does not give its known answers, the next higher precision is taken",
        extra={"precision": precision, "detail": described},
    )


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
