"""The models that there are, and the length of their vectors.

It stands apart from the model, because the server tells of both before torch is loaded.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal, get_args

ModelName = Literal["ImageBindHuge", "Tiny"]

MODEL_NAMES: Final[tuple[ModelName, ...]] = get_args(ModelName)
DIMENSIONS: Final[Mapping[ModelName, int]] = MappingProxyType({"ImageBindHuge": 1024, "Tiny": 32})
