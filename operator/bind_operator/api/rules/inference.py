"""Of the model and of the container that serves it."""

from bind_operator.api.rules.rule import CEL_LIMITS, ENV_NAME_PATTERN, Rule, cel_list, matches, within_limits
from bind_operator.api.spec import Device, ModelName, Precision

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
"""Variables of the inference container that the chart sets from other fields."""

MODEL_RULES = (
    Rule(
        name="licence-is-accepted",
        at="spec",
        cel="self.inference.model.name != 'ImageBindHuge' || self.inference.model.licenseAccepted",
        message="spec.inference.model.licenseAccepted must be true for ImageBindHuge, whose weights are "
        "under CC BY-NC-SA 4.0 (no commercial use); set it to true to accept that licence, or set "
        "spec.inference.model.name: Tiny to only try the system",
        field_path=".inference.model.licenseAccepted",
        holds=lambda bv: (
            bv.spec.inference.model.name is not ModelName.IMAGEBIND_HUGE
            or bv.spec.inference.model.license_accepted
        ),
    ),
    Rule(
        name="float16-needs-cuda",
        at="spec",
        cel="self.inference.model.precision != 'float16' || self.device == 'CUDA'",
        message="spec.inference.model.precision float16 is for GPUs only; set spec.device: CUDA, or choose "
        "bfloat16, int8 or auto",
        field_path=".inference.model.precision",
        holds=lambda bv: (
            bv.spec.inference.model.precision is not Precision.FLOAT16 or bv.spec.device is Device.CUDA
        ),
    ),
    Rule(
        name="int8-needs-cpu",
        at="spec",
        cel="self.inference.model.precision != 'int8' || self.device == 'CPU'",
        message="spec.inference.model.precision int8 is for CPUs only; set spec.device: CPU, or choose "
        "float16, bfloat16 or auto",
        field_path=".inference.model.precision",
        holds=lambda bv: (
            bv.spec.inference.model.precision is not Precision.INT8 or bv.spec.device is Device.CPU
        ),
    ),
)

INFERENCE_RULES = (
    Rule(
        name="inference-limits",
        at="spec.inference.resources",
        cel=CEL_LIMITS,
        message="spec.inference.resources.limits must not be below requests (which are 1 cpu and 3Gi of "
        "memory where unset); raise the limit or set a lower request",
        field_path=".limits",
        holds=lambda bv: within_limits(bv.spec.inference.resources),
    ),
    Rule(
        name="inference-env-is-free",
        at="spec.inference.extraEnv",
        cel=f"self.all(e, !(e.name in {cel_list(INFERENCE_ENV)}))",
        message=f"spec.inference.extraEnv must not set {', '.join(INFERENCE_ENV)}; use spec.device and "
        "spec.inference.model for them",
        holds=lambda bv: not any(e.name in INFERENCE_ENV for e in bv.spec.inference.extra_env),
    ),
    Rule(
        name="inference-env-names",
        at="spec.inference.extraEnv",
        cel=f"self.all(e, e.name.matches('{ENV_NAME_PATTERN}'))",
        message="spec.inference.extraEnv names must be letters, digits and '_', not beginning with a digit; "
        "rename the variable",
        holds=lambda bv: all(matches(ENV_NAME_PATTERN, e.name) for e in bv.spec.inference.extra_env),
    ),
)
