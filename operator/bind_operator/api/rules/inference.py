"""These rules are about the model and the container that serves it."""

from bind_operator.api.model import Precision
from bind_operator.api.parts import EnvVarSource, InferenceResources
from bind_operator.api.rules.rule import (
    Rule,
    cel_list,
    env_names_rule,
    env_texts_rule,
    profiled_limits_rule,
)
from bind_operator.api.spec import Device

INFERENCE_ENV = (
    "ENABLE_CUDA",
    "BIND_MODEL",
    "BIND_LICENSE_ACCEPTED",
    "BIND_PRECISION",
    "BIND_WEIGHTS_PATH",
    "BIND_WEIGHTS_URL",
    "BIND_WEIGHTS_SHA256",
    "BIND_CACHE_DIR",
    "BIND_HTTP_PORT",
)
"""The chart sets these variables of the inference container from other fields."""

ENV_SOURCES = tuple(str(field.alias) for field in EnvVarSource.model_fields.values())
_HAS_SOURCES = ", ".join(f"has(e.valueFrom.{one})" for one in ENV_SOURCES)


def _precision_rule(precision: Precision, device: Device, hardware: str, others: str) -> Rule:
    """Return the rule that `precision` is chosen with `device` only; `others` are what to choose else."""
    # Unset and without a profile, the device is the CPU.
    if_unset = "true" if device is Device.CPU else "has(self.profile)"
    return Rule(
        name=f"{precision}-needs-{device.lower()}",
        at="spec",
        cel=f"!has(self.inference.model.precision) || self.inference.model.precision != '{precision}' || "
        f"(has(self.device) ? self.device == '{device}' : {if_unset})",
        message=f"spec.inference.model.precision {precision} is for {hardware} only; set spec.device: "
        f"{device}, or choose {others}",
        field_path=".inference.model.precision",
    )


MODEL_RULES = (
    Rule(
        name="licence-is-accepted",
        at="spec",
        cel="self.inference.model.name != 'ImageBindHuge' || self.inference.model.licenseAccepted || "
        "has(self.inference.external)",
        message="spec.inference.model.licenseAccepted must be true for ImageBindHuge, whose weights are "
        "under CC BY-NC-SA 4.0 (no commercial use); set it to true to accept that licence, or set "
        "spec.inference.model.name: Tiny to only try the system",
        field_path=".inference.model.licenseAccepted",
    ),
    _precision_rule(Precision.FLOAT16, Device.CUDA, "GPUs", "bfloat16, int8 or auto"),
    _precision_rule(Precision.INT8, Device.CPU, "CPUs", "float16, bfloat16 or auto"),
)

INFERENCE_RULES = (
    profiled_limits_rule("inference", InferenceResources()),
    Rule(
        name="inference-env-is-free",
        at="spec.inference.extraEnv",
        cel=f"self.all(e, !(e.name in {cel_list(INFERENCE_ENV)}))",
        message=f"spec.inference.extraEnv must not set {', '.join(INFERENCE_ENV)}; use spec.device and "
        "spec.inference.model for them",
    ),
    env_names_rule("inference", "extraEnv", "e.name"),
    Rule(
        name="inference-env-once",
        at="spec.inference.extraEnv",
        cel="self.all(e, self.exists_one(other, other.name == e.name))",
        message="spec.inference.extraEnv must name each variable once; remove all but one of those that are "
        "there twice",
    ),
    Rule(
        name="inference-env-value-or-source",
        at="spec.inference.extraEnv",
        cel="self.all(e, !has(e.value) || !has(e.valueFrom))",
        message="spec.inference.extraEnv takes value or valueFrom, not both; remove one of them",
    ),
    Rule(
        name="inference-env-one-source",
        at="spec.inference.extraEnv",
        cel=f"self.all(e, !has(e.valueFrom) || [{_HAS_SOURCES}].filter(s, s).size() == 1)",
        message=f"spec.inference.extraEnv takes a valueFrom with one of {', '.join(ENV_SOURCES)}; set "
        "exactly one",
    ),
    env_texts_rule(
        "inference", "extraEnv", "(has(e.value) ? e.value : '')", "put it into a Secret and use valueFrom"
    ),
)
