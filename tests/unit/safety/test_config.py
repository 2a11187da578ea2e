"""Settings: the file, the environment over it, and a clear word about what is wrong."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from safety.config import ConfigError, Settings, load_settings


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for variable in [name for name in os.environ if name.startswith("VIGIL_")]:
        monkeypatch.delenv(variable)


def write(folder: Path, toml: str) -> Path:
    (folder / "vigil.toml").write_text(toml, encoding="utf-8")
    return folder


def refusal(folder: Path) -> str | None:
    """Why the settings in `folder` cannot be used, or None if they can."""
    try:
        load_settings(folder)
    except ConfigError as error:
        return str(error)
    return None


def test_without_a_file_the_defaults_hold(tmp_path: Path) -> None:
    found = load_settings(tmp_path)
    assert (found.http_host, found.http_port, found.mqtt_port) == ("127.0.0.1", 8000, 1883)
    assert found.tiles_url is None
    assert found.broker_url is None


def test_the_environment_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "http_port = 1\nmqtt_port = 2\nhttp_host = '::'")
    monkeypatch.setenv("VIGIL_MQTT_PORT", "3")
    monkeypatch.setenv("VIGIL_DATA_DIR", "elsewhere")
    found = load_settings(tmp_path)
    assert (found.http_port, found.mqtt_port, found.http_host) == (1, 3, "::")


def test_settings_cannot_be_changed(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="frozen"):
        load_settings(tmp_path).http_port = 5  # type: ignore[misc]  # that it is refused is the point


NUMBERS = ("http_port", "mqtts_port", "keep_log_days", "session_ttl_s", "kafka_copies", "device_bytes_per_s")


@pytest.mark.parametrize(
    ("toml", "expected"),
    [
        ("http_prot = 1", "unknown setting http_prot: did you mean http_port?"),
        (
            "[http]\nport = 1",
            "unknown setting http: expected one of broker_authority, broker_url, database_url",
        ),
        ("http_port = 'x'", "http_port: input should be a valid integer"),
        ("http_port = 70000", "http_port: input should be less than or equal to 65535, not '70000'"),
        ("http_host = 1", "http_host: input should be a valid string"),
        (
            "log_level = 'loud'",
            "log_level: input should be 'debug', 'info', 'warning' or 'error', not 'loud'",
        ),
        ("tiles_url = 'ftp://x'", "tiles_url: expected an http(s) URL"),
        ("session_ttl_s = nan", "session_ttl_s: input should be"),
        ("keep_log_days = 0", "keep_log_days: input should be greater than or equal to 1"),
        ("http_host = ''", "http_host: expected a host name or an IP address"),
        ("mqtt_host = ' '", "mqtt_host: expected a host name or an IP address"),
        ("mqtts_host = ''", "mqtts_host: expected a host name or an IP address"),
        *((f"{key} = true", f"{key}: expected a number, not 'True'") for key in NUMBERS),
        ("mqtts_certificate = '/nowhere.pem'", "mqtts_certificate: expected a file that is there"),
        ("mqtts_key = ''", "mqtts_key: expected a file that is there"),
        ("broker_authority = '/'", "broker_authority: expected a file that is there, not '/'"),
        ("public_url = 'https://a/?b'", "public_url: expected an http(s) URL without ? and #"),
        ("public_url = 'https://a#'", "public_url: expected an http(s) URL without ? and #"),
        ("public_url = 'https://'", "public_url: expected an http(s) URL"),
        ("http_port =", "cannot be read"),
        ("\x00", "cannot be read"),
    ],
)
def test_a_fault_in_the_file_is_named(tmp_path: Path, toml: str, expected: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_settings(write(tmp_path, toml))
    assert expected in str(caught.value)
    assert str(tmp_path / "vigil.toml") in str(caught.value)


@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [
        ("VIGIL_HTTP_PROT", "1", "unknown setting VIGIL_HTTP_PROT: did you mean VIGIL_HTTP_PORT?"),
        (
            "VIGIL_COLOUR",
            "red",
            "unknown setting VIGIL_COLOUR: expected one of VIGIL_BROKER_AUTHORITY, VIGIL_BROKER_URL",
        ),
        ("VIGIL_HTTP_PORT", "x", "VIGIL_HTTP_PORT: input should be a valid integer"),
        ("VIGIL_HTTP_HOST", "", "VIGIL_HTTP_HOST: expected a host name or an IP address"),
        ("VIGIL_MQTT_HOST", "", "VIGIL_MQTT_HOST: expected a host name or an IP address"),
        ("VIGIL_MQTTS_CERTIFICATE", "", "VIGIL_MQTTS_CERTIFICATE: expected a file that is there"),
        ("VIGIL_TILES_URL", "", "VIGIL_TILES_URL: expected an http(s) URL"),
    ],
)
def test_a_fault_in_the_environment_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, expected: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigError) as caught:
        load_settings(tmp_path)
    assert str(caught.value).startswith(expected)


def test_a_password_is_never_shown(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load_settings(write(tmp_path, "broker_url = 'https://vigil:hunter2@broker'"))
    assert "broker_url: expected mqtt://" in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("url", ["mqtt://broker", "mqtts://vigil:secret@broker:8883", "mqtt://[::1]:1883"])
def test_an_outside_broker_can_be_named(tmp_path: Path, url: str) -> None:
    assert load_settings(write(tmp_path, f"broker_url = '{url}'")).broker_url == url


@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=200)
def test_nothing_but_a_refusal_comes_of_any_file(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "vigil.toml").write_bytes(content)
    said = refusal(tmp_path)
    assert said is None or str(tmp_path) in said


@given(
    st.sampled_from(sorted(Settings.model_fields)),
    st.one_of(st.integers(), st.floats(), st.booleans(), st.text("abcdef:/.@ 0123456789", max_size=20)),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=200)
def test_nothing_but_a_refusal_comes_of_any_value(
    tmp_path: Path, key: str, value: int | float | bool | str
) -> None:
    written = str(value).lower() if isinstance(value, bool) else repr(value)
    said = refusal(write(tmp_path, f"{key} = {written}"))
    assert said is None or ((key in said or "cannot be read" in said) and "\n" not in said)
