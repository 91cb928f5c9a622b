"""A Weaviate or an inference server may be there already, whoever runs it; these models name it."""

from typing import Annotated

from pydantic import Field

from bind_operator.api.base import ApiModel, Text

Url = Annotated[str, Field(max_length=300)]
"""It is scheme, host and port."""

MAX_GATES = 16


class SecretKey(ApiModel):
    """An entry of a Secret in the resource's namespace."""

    name: Text = Field(description="Name of the Secret.")
    key: Text = Field(description="The entry in it.")


class ExternalWeaviate(ApiModel):
    """A Weaviate that is there already. `status.weaviateSettings` says what to set in it."""

    url: Url = Field(
        description="Address of its REST API, as the pods of this namespace reach it: http or https, host "
        "and port. The live check asks it; nothing else does.",
    )
    api_key: SecretKey | None = Field(
        None,
        description="The API key by which the live check may read its metadata. Unset: it needs none. The "
        "gate's pods mount the Secret; the operator does not read it.",
    )
    ca_certificate: SecretKey | None = Field(
        None,
        description="The certificate of the authority that signed the server's, in PEM. Only with https. "
        "Unset: the authorities that everybody trusts.",
    )
    gate_replicas: int = Field(
        2, ge=1, le=MAX_GATES, description="Number of gate pods, which that Weaviate asks for its vectors."
    )


class ExternalInference(ApiModel):
    """An inference server that is there already. The gate sends it what Weaviate asks for."""

    url: Url = Field(
        description="Its address, as the pods of this namespace reach it: http or https, host and port. All "
        "addresses that the DNS has for the host are asked in turn.",
    )
    api_key: SecretKey | None = Field(
        None, description="The API key that the gate shows it. Unset: it needs none."
    )
    ca_certificate: SecretKey | None = Field(
        None,
        description="The certificate of the authority that signed the server's, in PEM. Only with https. "
        "Unset: the authorities that everybody trusts.",
    )
