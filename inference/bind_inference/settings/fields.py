"""Declares every setting once: flag, environment variable, default and explanation together."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import AliasChoices, BeforeValidator, Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from bind_inference.model_names import MODEL_NAMES, ModelName

PROGRAM: Final = "python -m bind_inference"
# Variables that have a name of their own.
FOREIGN_NAMES: Final = {
    "enable_cuda": "ENABLE_CUDA",
    "otlp_endpoint": "OTEL_EXPORTER_OTLP_ENDPOINT",
    "otlp_traces_endpoint": "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
}
# Those that no flag sets, because everybody on the machine may read a command line, and what to use instead.
VARIABLES_ONLY: Final = {"api_key": "BIND_API_KEY", "api_keys": "BIND_API_KEYS or --api-keys-file"}
_MIB: Final = 1024 * 1024


def canonical_model(value: object) -> object:
    """Return the canonical spelling: `tiny`, `imagebind-huge` and `imagebind_huge` are understood too."""
    squeezed = re.sub(r"[-_ ]", "", str(value)).casefold()
    return next((name for name in MODEL_NAMES if name.casefold() == squeezed), value)


def _upper(value: object) -> object:
    return value.upper() if isinstance(value, str) else value


class WeightsSettings(BaseSettings):
    """Every command shares these: the model, and where its weights come from."""

    model_config = SettingsConfigDict(
        env_prefix="BIND_",
        env_ignore_empty=True,
        frozen=True,
        extra="ignore",
        cli_prog_name=PROGRAM,
        cli_kebab_case=True,
        cli_hide_none_type=True,
        cli_avoid_json=True,
    )

    model: Annotated[ModelName, BeforeValidator(canonical_model)] = Field(
        default="ImageBindHuge",
        description="which model it is; Tiny is the same architecture with 32 dimensions and random "
        "weights, for trying the system",
    )
    license_accepted: bool = Field(
        default=False,
        description="ImageBindHuge only: you accept the licence of its weights, CC BY-NC-SA 4.0 "
        "(no commercial use)",
    )
    weights_path: Path | None = Field(
        default=None,
        description="file or folder on this machine that holds ImageBindHuge's weights: the published "
        "checkpoint (.pth), or the safetensors file that `python -m bind_inference convert` made of it, "
        "which is read where it lies; unset: --weights-url",
    )
    weights_url: str | None = Field(
        default=None,
        pattern=r"^(https?|file)://",
        description="where ImageBindHuge's checkpoint is fetched from; unset: its publisher",
    )
    weights_sha256: str | None = Field(
        default=None,
        pattern=r"^[0-9a-fA-F]{64}$",
        description="SHA-256 of the checkpoint, 64 hexadecimal digits; unset: that of the published file",
    )
    log_level: Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR"], BeforeValidator(_upper)] = Field(
        default="INFO", description="least severe events to log"
    )

    @field_validator("weights_sha256")
    @classmethod
    def _lower_case(cls, value: str | None) -> str | None:
        return value.lower() if value else value

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if self.weights_path is not None and self.weights_url is not None:
            raise ValueError(
                "--weights-path (BIND_WEIGHTS_PATH) and --weights-url (BIND_WEIGHTS_URL): both are set; "
                "unset one of them, because the weights come from one place"
            )
        return self

    @model_validator(mode="after")
    def _licence(self) -> Self:
        if self.model == "ImageBindHuge" and not self.license_accepted:
            raise ValueError(
                "--license-accepted (BIND_LICENSE_ACCEPTED): must be true for ImageBindHuge: its weights "
                "are CC BY-NC-SA 4.0, no commercial use; or choose --model tiny"
            )
        return self


class ModelSettings(WeightsSettings):
    """The server and bind-load share these: how the model is run."""

    enable_cuda: bool = Field(
        default=False,
        validation_alias=AliasChoices("enable_cuda", "ENABLE_CUDA", "BIND_ENABLE_CUDA"),
        description="1 or true: run on NVIDIA GPUs; 0 or false: on the CPU",
    )
    gpus: int = Field(
        default=0,
        ge=0,
        le=16,
        description="GPUs to run on, with a copy of the model on each and one queue for all; 0: all that the "
        "container has",
    )
    precision: Literal["auto", "float32", "bfloat16", "float16", "int8"] = Field(
        default="auto",
        description="numbers that the model computes with; bfloat16: half of float32's memory and several "
        "times its speed where the processor multiplies it, cosine to float32 above 0.9998; int8 (CPU only): "
        "a quarter of the memory, above 0.999; float16: GPU only; auto: bfloat16 on a CPU that multiplies "
        "it, float16 on a GPU, otherwise float32, and float32 for Tiny",
    )
    precision_min_cosine: float = Field(
        default=0.995,
        ge=0,
        le=1,
        description="a precision below float32 is checked when it is loaded: vectors of a few built-in items "
        "must have at least this cosine to those of float32, or the next higher precision is taken",
    )
    cache_dir: Path = Field(default=Path("/cache"), description="folder for fetched and converted weights")
    text_truncation: Literal["weaviate", "upstream"] = Field(
        default="weaviate",
        description="how a text above 77 tokens is cut; weaviate: as Weaviate's own container does it, "
        "without its end token; upstream: as ImageBind does it today, with it. The two give vectors far "
        "apart for such texts, so search must use what the stored vectors were made with",
    )
    max_item_bytes: int = Field(default=64 * _MIB, ge=1, description="largest item, in decoded bytes")
    vector_cache_bytes: int = Field(
        default=64 * _MIB,
        ge=0,
        description="memory for the vectors of items asked for before, about 4.6 kB each for ImageBindHuge; "
        "the least recently used go first; 0: none are kept",
    )
    max_batch_size: int = Field(
        default=0,
        ge=0,
        description="most items in one forward pass; 0: on a CPU 32, on a GPU 256, because 32 texts leave it "
        "idle for nine tenths of the time that they take",
    )
    max_batch_gflop: float = Field(
        default=0.0,
        ge=0,
        description="most arithmetic in one forward pass, counted at ImageBindHuge's size (an image is "
        "326, a token of text 0.59); bounds how long one batch can hold up the others, so a long video runs "
        "in parts; 0: on a CPU 350, or 700 below float32 with AMX, on a GPU 21,000, 64 images",
    )
    max_wait_s: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="seconds an idle server waits for more items before it runs a batch that is not full",
    )
    decode_workers: int = Field(
        default=0,
        ge=0,
        le=256,
        description="processes that decode media, each one item at a time; 0: one for each CPU, from 2 to "
        "16, on a GPU to 64. One is kept for what does not take long. Fewer where the memory does not hold "
        "them; the log tells",
    )
    decode_timeout_s: float = Field(
        default=60.0,
        gt=0,
        description="seconds that decoding one item may take; above it the item is refused and its process "
        "replaced",
    )
    decode_memory_bytes: int = Field(
        default=2048 * _MIB,
        ge=256 * _MIB,
        description="private memory that one decoder process may take; an item that needs more is refused. "
        "Less where the container's memory limit does not hold so much for all of them: then one more is for "
        "what needs a large share; the log tells",
    )
    forward_passes: int = Field(
        default=0,
        ge=0,
        le=64,
        description="forward passes side by side on a CPU, which share one copy of the weights and the "
        "threads; more of them make more vectors a second on many cores, and each takes longer; 0: one for "
        "each four cores, and one for Tiny",
    )
    forward_timeout_s: float = Field(
        default=300.0,
        gt=0,
        description="seconds after which a forward pass that has not ended is held to hang: the server is "
        "not live any more, and whoever runs it starts another",
    )
    torch_threads: int = Field(
        default=0,
        ge=0,
        le=1024,
        description="threads of the forward pass; 0: one for each core that the container may use, of a "
        "quota the whole CPUs, and one for Tiny and on a GPU",
    )

    @model_validator(mode="after")
    def _precision(self) -> Self:
        wanted = {"float16": True, "int8": False}.get(self.precision, self.enable_cuda)
        if wanted is not self.enable_cuda:
            raise ValueError(
                f"--precision (BIND_PRECISION): {self.precision} is for a {'GPU' if wanted else 'CPU'} only; "
                f"choose {'bfloat16 or int8' if wanted else 'float16 or bfloat16'}, or auto"
            )
        return self


class Settings(ModelSettings):
    """Serve ImageBind over HTTP.

    Every option is also an environment variable: --http-port is BIND_HTTP_PORT; --enable-cuda is also
    ENABLE_CUDA, and spans have OpenTelemetry's own. An option given on the command line wins.
    """

    http_host: str = Field(default="0.0.0.0", description="address to listen on")  # noqa: S104  (a server)
    http_port: int = Field(default=8080, ge=0, le=65535, description="port to listen on; 0: any free one")
    http_workers: int | None = Field(
        default=None,
        ge=0,
        le=64,
        description="processes that speak HTTP, so that reading and writing JSON does not hold up the model; "
        "0: the server's own process does it; unset: on a CPU 0, on a GPU one for two CPUs, 1 to 4",
    )
    api_keys_file: Path | None = Field(
        default=None,
        description="file of keys, one a line, of which a request must carry one (`Authorization: Bearer "
        "KEY`); it is read again within seconds after a change, so two lines make a rotation that nobody "
        "notices; /meta, /metrics and the probes need none; unset, and no BIND_API_KEYS: nobody needs one",
    )
    api_keys: SecretStr | None = Field(
        default=None,
        description="the same keys themselves, with spaces or commas between; a variable only, since all may "
        "read a command line",
    )
    allow_urls: str | None = Field(
        default=None,
        pattern=r"^((https?://)?(\*\.)?[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*(:\d+)?)( *, *"
        r"(https?://)?(\*\.)?[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*(:\d+)?)*$",
        description="hosts that media of /v1/embeddings may be fetched from where a request names them by an "
        "address, with commas between: `images.example.com` (https), `*.example.com` (any below it), "
        "`http://files.example.com:8080`; never an address that is not public; unset: nothing is fetched",
    )
    fetch_timeout_s: float = Field(
        default=10.0,
        gt=0,
        description="seconds that fetching one medium may take, with its redirects; above it that item is "
        "refused",
    )
    tls_cert: Path | None = Field(
        default=None,
        description="file with the certificate, and those above it, in PEM: the server speaks HTTPS; it is "
        "read again within seconds after a change; unset: plain HTTP",
    )
    tls_key: Path | None = Field(default=None, description="file with its private key, in PEM")
    keep_alive_s: int = Field(
        default=150,
        ge=1,
        description="seconds an idle connection stays open; Weaviate keeps its own for 90",
    )
    head_timeout_s: float = Field(
        default=15.0,
        gt=0,
        description="seconds that the head of a request may take to arrive; above it the answer is 408, or "
        "none if not a byte came, and the connection is closed",
    )
    body_timeout_s: float = Field(
        default=60.0,
        gt=0,
        description="seconds that the whole body of a request may take to arrive; above it the answer is 408",
    )
    request_timeout_s: float = Field(
        default=600.0,
        ge=0,
        description="seconds that a request may take from its head to its vectors; above it what is left of "
        "it is dropped and the answer is 504; 0: no limit. Weaviate hangs up after 50, which drops it too",
    )
    answer_timeout_s: float = Field(
        default=60.0,
        gt=0,
        description="seconds within which a client must take an answer that does not fit into the network's "
        "buffers; above it the connection is reset",
    )
    max_connections: int = Field(
        default=2048,
        ge=1,
        description="connections that may be open at once; fewer if the process may not have two descriptors "
        "for each (`ulimit -n`); above it the one that is idle for longest, 5 s or more, is closed for a new "
        "one, and where there is none new ones wait",
    )
    drain_delay_s: float = Field(
        default=2.0,
        ge=0,
        description="after SIGTERM, seconds during which new requests are still taken while ready says no, "
        "so that load balancers can look elsewhere",
    )
    drain_timeout_s: float = Field(
        default=25.0,
        ge=0,
        description="seconds that accepted requests may take after that before they are cut",
    )
    max_request_bytes: int = Field(default=128 * _MIB, ge=1, description="largest body of a request")
    max_request_items: int = Field(default=1024, ge=1, description="most items in one request")
    max_request_windows: int = Field(
        default=4096,
        ge=1,
        description="most windows of recordings in one request, all its files together (`windows` of "
        "/vectorize); an hour in steps of a second has 3,600",
    )
    max_queue_items: int = Field(
        default=4096, ge=1, description="items that may wait at once; above it the answer is 429"
    )
    max_queue_bytes: int = Field(
        default=1024 * _MIB,
        ge=1,
        description="bytes of bodies and decoded items that may be held at once; above it the answer is 429",
    )
    journal_path: Path | None = Field(
        default=None,
        description="file that notes which items are at work, on a disk that outlives the process: a server "
        "that was started anew knows by it which items the last one may have died of; unset: it does not",
    )
    poison_ttl_s: float = Field(
        default=600.0,
        ge=0,
        description="seconds for which an item is refused that was at work when two servers died; 0: never",
    )
    peers: str | None = Field(
        default=None,
        pattern=r"^[^\s,:]+:\d+(,[^\s,:]+:\d+)*$",
        description="HOST:PORT of the other servers, all addresses of each host: they are told which items "
        "this one may have died of; unset: nobody is",
    )
    otlp_endpoint: str | None = Field(
        default=None,
        validation_alias=AliasChoices("otlp_endpoint", "OTEL_EXPORTER_OTLP_ENDPOINT", "BIND_OTLP_ENDPOINT"),
        pattern=r"^https?://",
        description="where spans of requests are sent by OTLP over HTTP, such as http://collector:4318; also "
        "OTEL_EXPORTER_OTLP_ENDPOINT, and OpenTelemetry's other variables are heeded; needs the extra otel; "
        "unset: no spans",
    )
    otlp_traces_endpoint: str | None = Field(
        default=None,
        validation_alias=AliasChoices(
            "otlp_traces_endpoint", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "BIND_OTLP_TRACES_ENDPOINT"
        ),
        pattern=r"^https?://",
        description="the same with its whole path, which --otlp-endpoint is without (/v1/traces is added); "
        "also OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    )

    @model_validator(mode="after")
    def _tls(self) -> Self:
        if (self.tls_cert is None) is not (self.tls_key is None):
            raise ValueError(
                "--tls-cert (BIND_TLS_CERT) and --tls-key (BIND_TLS_KEY): one is set without the other; a "
                "certificate needs its key"
            )
        if self.tls_cert is not None and self.peers is not None:
            raise ValueError(
                "--tls-cert (BIND_TLS_CERT): the servers of --peers (BIND_PEERS) speak plain HTTP with each "
                "other; unset one of them, or let a proxy speak TLS"
            )
        return self
