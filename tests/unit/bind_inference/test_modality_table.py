"""Every place that has a table by modality has a line for each; the test's id is the place that lacks one."""

import json
import math
import re
from collections.abc import Callable, Iterable
from typing import get_args

import numpy as np
import pytest

import bind_bench.workload.media
import bind_bench.workload.scenarios
import bind_demo.client.collection
import bind_demo.client.searches
import bind_demo.media.build
import bind_demo.modality
import bind_gpu.measurements
from bind_demo.media.things import THINGS
from bind_inference.engine.selfcheck import items as selfcheck_items
from bind_inference.items.schemas import VectorizeRequest, VectorizeResponse
from bind_inference.items.windows import WINDOWED
from bind_inference.modality import Modality, one_of_each_trunk
from bind_inference.model import CONFIGS, imagebind
from bind_inference.preprocess import preprocess
from bind_inference.preprocess.media import DECODERS, RECORDED
from bind_load.settings import LoadSettings
from support.samples import MEDIA, SAMPLES
from support.server import ROOT

ALL = set(Modality)
TEXT, VIDEO = {Modality.TEXT}, {Modality.VIDEO}
METHOD = re.compile(r"\bnear([A-Z]\w+)[':]")
TRUNKS = {modality.trunk for modality in Modality}


def page(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def named_in_tables(path: str) -> set[str]:
    """Return the modalities that the last cells of a page's tables name."""
    cells = " ".join(re.findall(r"\| ([^|]*) \|$", page(path), re.MULTILINE)).casefold()
    return {modality for modality in Modality if re.search(rf"\b{modality}\b", cells)}


def parity(path: str) -> Iterable[str]:
    return json.loads(page(path))["embeddings"]


PLACES: dict[str, tuple[Callable[[], Iterable[str]], set[str] | set[Modality]]] = {
    "inference/bind_inference/preprocess/media.py DECODERS": (lambda: DECODERS, ALL - TEXT),
    "inference/bind_inference/preprocess/media.py RECORDED": (lambda: RECORDED, set(WINDOWED)),
    "inference/bind_inference/model/config.py trunks": (lambda: CONFIGS["Tiny"].trunks, TRUNKS),
    "inference/bind_inference/model/imagebind.py _STEMS": (lambda: imagebind._STEMS, TRUNKS),
    "inference/bind_inference/model/imagebind.py INITIAL_SCALES": (lambda: imagebind.INITIAL_SCALES, TRUNKS),
    "inference/bind_inference/engine/selfcheck/items.py _MAKERS": (
        lambda: selfcheck_items._MAKERS,
        set(one_of_each_trunk()) - TEXT,
    ),
    "inference/bind_load/settings.py modality": (
        lambda: get_args(LoadSettings.model_fields["modality"].annotation),
        {*ALL, "auto"},
    ),
    "local/bind_demo/modality.py Modality": (lambda: bind_demo.modality.Modality, ALL),
    "local/bind_demo/media/build.py build_media": (
        lambda: bind_demo.media.build.build_media(THINGS[0]),
        ALL - TEXT,
    ),
    "local/bind_demo/media/build.py build_altered": (
        lambda: bind_demo.media.build.build_altered(THINGS[0]),
        ALL - TEXT,
    ),
    "local/bind_demo/client/collection.py VECTOR_SHARES": (
        lambda: bind_demo.client.collection.VECTOR_SHARES,
        ALL,
    ),
    "local/bind_demo/client/searches.py _METHODS": (lambda: bind_demo.client.searches._METHODS, ALL - TEXT),
    "local/bind_demo/client/searches.py _HOW_ALTERED": (
        lambda: bind_demo.client.searches._HOW_ALTERED,
        ALL - TEXT,
    ),
    "local/bind_demo/client/node/searches.mjs": (
        lambda: {
            name.casefold() for name in METHOD.findall(page("local/bind_demo/client/node/searches.mjs"))
        },
        ALL | {"vector"},
    ),
    "local/bind_bench/workload/media.py _MAKERS": (
        lambda: bind_bench.workload.media._MAKERS,
        ALL - TEXT - VIDEO,
    ),
    "local/bind_bench/workload/scenarios.py STILLS_AND_SOUND": (
        lambda: bind_bench.workload.scenarios.STILLS_AND_SOUND,
        ALL - VIDEO,
    ),
    "local/bind_bench/workload/scenarios.py MIX": (lambda: bind_bench.workload.scenarios.MIX, ALL - VIDEO),
    "local/bind_gpu/measurements.py BATCHES": (lambda: bind_gpu.measurements.BATCHES, ALL),
    "docs/how-to/openai.md": (lambda: named_in_tables("docs/how-to/openai.md"), ALL),
    "docs/how-to/load.md": (lambda: named_in_tables("docs/how-to/load.md"), ALL),
    "docs/architecture.md": (lambda: named_in_tables("docs/architecture.md"), ALL),
    "tests/support/samples.py SAMPLES": (lambda: SAMPLES, ALL),
    "tests/parity/tiny.json": (lambda: parity("tests/parity/tiny.json"), ALL),
}


@pytest.mark.parametrize("place", PLACES)
def test_a_place_has_every_modality_and_no_other(place: str) -> None:
    found, wanted = PLACES[place][0](), {str(name) for name in PLACES[place][1]}
    assert {str(name) for name in found} == wanted, f"{place} has to say something of each"


@pytest.mark.parametrize("modality", Modality)
def test_the_row_has_the_shape_that_preprocessing_makes(modality: Modality) -> None:
    sample = SAMPLES[modality][0]
    made = preprocess(modality, sample if modality is Modality.TEXT else (MEDIA / sample).read_bytes())
    assert made.shape == modality.entry.shape
    assert made.dtype == np.dtype(modality.entry.dtype)
    assert made.nbytes == modality.entry.decoded_bytes


@pytest.mark.parametrize("modality", Modality)
def test_the_names_of_a_modality_are_those_of_weaviate(modality: Modality) -> None:
    assert modality == modality.value == modality.entry.name == modality.name.casefold()
    assert list(VectorizeRequest.model_fields)[list(Modality).index(modality)] == modality.plural
    assert list(VectorizeResponse.model_fields)[list(Modality).index(modality)] == f"{modality}Vectors"


def test_units_are_counted_along_the_first_axis() -> None:
    units = {modality: modality.entry.most_units for modality in Modality if modality.entry.unit}
    assert units == {Modality.TEXT: 77, Modality.AUDIO: 3, Modality.VIDEO: 15}
    assert Modality.IMAGE.entry.most_units == 1


def test_no_two_modalities_share_an_ending_or_a_type() -> None:
    for found in (
        [ending for modality in Modality for ending in modality.entry.endings.split()],
        [kind for modality in Modality for kind in modality.entry.media_types],
    ):
        assert len(found) == len(set(found))


def test_the_endings_that_the_page_shows_are_those_of_the_table() -> None:
    rows = re.findall(r"^\| `(\.[^`]*)` \| (?:a )?(\w+)", page("docs/how-to/load.md"), re.MULTILINE)
    assert len(rows) == 5
    for endings, name in rows:
        shown = {ending.removeprefix(".") for ending in endings.split() if ending != "…"}
        assert shown <= set(Modality(name.casefold()).entry.endings.split())


def test_one_modality_stands_for_each_trunk() -> None:
    assert one_of_each_trunk() == [modality for modality in Modality if modality is not Modality.VIDEO]
    assert math.prod(Modality.VIDEO.entry.shape) * 4 == Modality.VIDEO.entry.decoded_bytes
