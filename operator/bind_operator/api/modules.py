"""More of Weaviate's modules: they ask an API about what was found, to answer from it or to rank it anew."""

from enum import StrEnum

from pydantic import Field

from bind_operator.api.base import ApiModel
from bind_operator.api.external import SecretKey

MAX_MODULES = 16


class ModuleName(StrEnum):
    """The chart knows the variable by which each of these gets its key."""

    GENERATIVE_ANTHROPIC = "generative-anthropic"
    GENERATIVE_ANYSCALE = "generative-anyscale"
    GENERATIVE_AWS = "generative-aws"
    GENERATIVE_COHERE = "generative-cohere"
    GENERATIVE_CONTEXTUALAI = "generative-contextualai"
    GENERATIVE_DATABRICKS = "generative-databricks"
    GENERATIVE_FRIENDLIAI = "generative-friendliai"
    GENERATIVE_GOOGLE = "generative-google"
    GENERATIVE_MISTRAL = "generative-mistral"
    GENERATIVE_NVIDIA = "generative-nvidia"
    GENERATIVE_OCTOAI = "generative-octoai"
    GENERATIVE_OLLAMA = "generative-ollama"
    GENERATIVE_OPENAI = "generative-openai"
    GENERATIVE_XAI = "generative-xai"
    RERANKER_COHERE = "reranker-cohere"
    RERANKER_CONTEXTUALAI = "reranker-contextualai"
    RERANKER_JINAAI = "reranker-jinaai"
    RERANKER_NVIDIA = "reranker-nvidia"
    RERANKER_VOYAGEAI = "reranker-voyageai"


KEYLESS = (ModuleName.GENERATIVE_AWS, ModuleName.GENERATIVE_OLLAMA)
"""The first has the identity of the pod, or keys of AWS in `envSecrets` of the chart; the second has none."""


class Module(ApiModel):
    """A module of Weaviate that asks an API."""

    name: ModuleName = Field(description="Name of the module, as Weaviate has it in ENABLE_MODULES.")
    api_key: SecretKey | None = Field(
        None,
        description="The key of the API. Unset: clients send theirs with each query, as X-OpenAI-Api-Key "
        "and the like. The pods get it from the Secret when they start; the operator does not read it.",
    )
