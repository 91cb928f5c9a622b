"""Pods run as somebody: as a service account, by which a cloud knows them, and as a user of the system."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from bind_operator.api.base import ApiModel, Text


class ServiceAccount(ApiModel):
    """The service account of a component's pods. No token of it is mounted."""

    create: bool = Field(
        False,
        description="True makes the account with the release; it goes with it, too. False: it is there.",
    )
    name: Text | None = Field(
        None,
        description="Its name. Unset: NAME-weaviate or NAME-inference where it is made, else the namespace's "
        "default account.",
    )
    annotations: dict[str, Annotated[str, Field(max_length=4096)]] = Field(
        default_factory=dict,
        max_length=32,
        description="Annotations of an account that is made, such as a cloud's identity, by which the pods "
        "may read a bucket.",
    )


class PodUser(StrEnum):
    """It says who chooses the users and groups of the pods."""

    FIXED = "Fixed"
    ASSIGNED = "Assigned"
