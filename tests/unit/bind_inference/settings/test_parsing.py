"""Settings: one definition, two ways in, one line when a value is wrong."""

import pytest

from bind_inference.settings import FOREIGN_NAMES, InvalidSetting, Settings, read_settings
from bind_inference.settings.fields import VARIABLES_ONLY


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"BIND_{name.upper()}", raising=False)
    monkeypatch.delenv("ENABLE_CUDA", raising=False)


@pytest.mark.parametrize("name", ["tiny", "Tiny", "TINY"])
def test_the_model_is_named_in_any_case(name: str) -> None:
    assert read_settings(["--model", name]).model == "Tiny"


@pytest.mark.parametrize("name", ["imagebind-huge", "ImageBindHuge", "imagebind_huge"])
def test_the_huge_model_has_more_than_one_spelling(name: str) -> None:
    assert read_settings(["--model", name, "--license-accepted", "true"]).model == "ImageBindHuge"


def test_the_environment_sets_what_the_command_line_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BIND_MODEL", "tiny")
    monkeypatch.setenv("BIND_HTTP_PORT", "9000")
    monkeypatch.setenv("BIND_WEIGHTS_URL", "")
    assert read_settings([]).http_port == 9000
    assert read_settings(["--http-port", "9001"]).http_port == 9001
    assert read_settings([]).weights_url is None


@pytest.mark.parametrize(("value", "expected"), [("0", False), ("1", True), ("true", True), ("false", False)])
def test_enable_cuda_is_read_under_its_upstream_name(
    monkeypatch: pytest.MonkeyPatch, value: str, *, expected: bool
) -> None:
    monkeypatch.setenv("ENABLE_CUDA", value)
    assert read_settings(["--model", "tiny"]).enable_cuda is expected


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--model", "clip"], "--model (BIND_MODEL): must be one of ImageBindHuge, Tiny, not 'clip'"),
        (["--model", "tiny", "--http-port", "x"], "--http-port (BIND_HTTP_PORT): must be a whole number"),
        (["--model", "tiny", "--http-port", "70000"], "--http-port (BIND_HTTP_PORT): must be 65535 or less"),
        (
            ["--model", "tiny", "--enable-cuda", "maybe"],
            "(ENABLE_CUDA): must be 0, 1, true or false, not 'maybe'",
        ),
        (
            ["--model", "tiny", "--weights-sha256", "ab"],
            "(BIND_WEIGHTS_SHA256): must be 64 hexadecimal digits",
        ),
        (
            ["--model", "tiny", "--weights-url", "ftp://x"],
            "(BIND_WEIGHTS_URL): must be a URL that starts with",
        ),
        (
            ["--model", "tiny", "--text-truncation", "middle"],
            "--text-truncation (BIND_TEXT_TRUNCATION): must be one of weaviate, upstream, not 'middle'",
        ),
        (["--model", "tiny", "--log-level", "loud"], "must be one of DEBUG, INFO, WARNING, ERROR"),
        (["--model", "tiny", "--max-batch-size", "-1"], "(BIND_MAX_BATCH_SIZE): must be 0 or more"),
        (
            ["--model", "tiny", "--weights-url", "https://x", "--weights-path", "/weights"],
            "--weights-path (BIND_WEIGHTS_PATH) and --weights-url (BIND_WEIGHTS_URL): both are set; unset",
        ),
        (["--model", "imagebind-huge"], "--license-accepted (BIND_LICENSE_ACCEPTED): must be true"),
    ],
)
def test_a_wrong_value_is_one_line_that_names_the_setting(arguments: list[str], message: str) -> None:
    with pytest.raises(InvalidSetting) as caught:
        read_settings(arguments)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_all_wrong_values_are_named_at_once() -> None:
    with pytest.raises(InvalidSetting, match=r"max-wait-s.*http-port"):
        read_settings(["--model", "tiny", "--http-port", "-1", "--max-wait-s", "soon"])


def test_an_unknown_flag_is_one_line_too() -> None:
    with pytest.raises(InvalidSetting, match=r"^unrecognized arguments: --modle tiny; .* --help"):
        read_settings(["--modle", "tiny"])


def test_help_lists_every_setting_with_its_variable_and_explanation(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as caught:
        read_settings(["--help"])
    assert caught.value.code == 0
    printed = " ".join(capsys.readouterr().out.split())
    for name, field in Settings.model_fields.items():
        variable = FOREIGN_NAMES.get(name, f"BIND_{name.upper()}")
        flag = f" --{name.replace('_', '-')} "
        assert (flag in printed) is (name not in VARIABLES_ONLY)
        assert f"[{variable}]" in printed or f"[{variable}; default: " in printed
        assert field.description
        assert " ".join(field.description.split()) in printed


@pytest.mark.parametrize("flag", ["--api-keys", "--api-keys=a-key-of-somebody"])
def test_a_secret_is_no_flag(flag: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InvalidSetting, match="everybody on the machine may read a command line") as caught:
        read_settings(["--model", "tiny", flag, "a-key-of-somebody"])
    assert "somebody" not in str(caught.value)
    monkeypatch.setenv("BIND_API_KEYS", "a-key-of-somebody")
    settings = read_settings(["--model", "tiny"])
    assert settings.api_keys is not None
    assert settings.api_keys.get_secret_value() == "a-key-of-somebody"
    assert "somebody" not in f"{settings!r} {settings.model_dump_json()}"


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        read_settings(["--model", "tiny"]).http_port = 1  # type: ignore[misc]


def test_idle_connections_outlast_weaviates_90_seconds() -> None:
    assert Settings(model="Tiny").keep_alive_s > 90
