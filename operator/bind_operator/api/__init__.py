"""The custom resource: the models here are the one source of the CRD, its defaults and its reference page."""

from bind_operator.api.identity import FINALIZER, GROUP, KIND, PLURAL, SHORT_NAME, VERSION
from bind_operator.api.parse import parse_resource
from bind_operator.api.spec import BindVectorizer, BindVectorizerSpec
from bind_operator.api.status import BindVectorizerStatus

__all__ = [
    "FINALIZER",
    "GROUP",
    "KIND",
    "PLURAL",
    "SHORT_NAME",
    "VERSION",
    "BindVectorizer",
    "BindVectorizerSpec",
    "BindVectorizerStatus",
    "parse_resource",
]
