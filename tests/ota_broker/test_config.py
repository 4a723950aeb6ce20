"""Every setting is checked before anything is opened, and the line names it."""

import pytest

from ota_broker.config import ConfigError, Settings
from ota_broker.front.options import MqttOptions
from ota_broker.simulator import Simulator, default_stream_id
from ota_stream.logs.levels import Level
from ota_stream.streams.options import StreamOptions


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("mqtt_port", -1),
        ("mqtt_port", 65_536),
        ("log_level", "verbose"),
        ("log_group", "no blanks"),
        ("account_id", "12345"),
        ("failure_level", "WARN"),
        ("profile", "acme"),
        ("diagnose", -1),
        ("diagnose", True),
        ("options", {"stream_qos": 2}),
        ("options", {"nonsense": 1}),
        ("options", {"jobs.nonsense": 1}),
        ("options", {"updates.pace": "slow"}),
        ("options", {"streams.unknown": 1}),
        ("options", {"mqtt.deny": "perhaps"}),
        ("options", {"mqtt.session_expiry": 604_801}),
    ],
)
def test_a_setting_that_is_none_is_named(setting: str, value: object):
    with pytest.raises(ConfigError, match=setting):
        Settings(**{setting: value})


def test_options_are_read_as_a_command_line_writes_them():
    settings = Settings(options={"stream_qos": "1", "bitmap_max": "100", "out_of_range": "truncate"})
    assert settings.stream_options() == StreamOptions(stream_qos=1, bitmap_max=100, out_of_range="truncate")


def test_options_of_jobs_updates_and_mqtt_have_a_prefix():
    options = {"jobs.strict": "true", "updates.pace": "1.5", "stream_qos": 1, "mqtt.session_expiry": "60"}
    settings = Settings(account_id="0" * 12, options=options)
    assert settings.mqtt_options() == MqttOptions(session_expiry=60)
    assert (settings.job_options().strict, settings.update_options().pace) == (True, 1.5)
    assert settings.job_options().account_id == settings.update_options().account_id == "0" * 12
    assert settings.stream_options().stream_qos == 1


def test_levels_are_read_in_any_case():
    assert [Settings(log_level=text).level() for text in ("debug", "DISABLED")] == [Level.DEBUG, Level.DISABLED]


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.0.0.9", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),  # noqa: S104 - not bound to
        ("::", False),
        ("printer.lan", False),
    ],
)
def test_only_tls_is_open_to_other_machines(host: str, *, loopback: bool):  # A16
    assert Settings(host=host, insecure=True).is_loopback() is loopback
    assert Settings(host=host, insecure=True).plain_host() == host
    assert Settings(host=host, tls=True).plain_host() == (host if loopback else "127.0.0.1")
    if loopback:
        assert Settings(host=host).plain_host() == host
    else:
        with pytest.raises(ConfigError, match=r"reached from other machines: use --tls, .* or --insecure"):
            Settings(host=host)


def test_who_shows_no_certificate_is_one_of_three():
    for anonymous in ("operator", "thing", "refuse"):
        assert Settings(anonymous=anonymous).anonymous == anonymous
    with pytest.raises(ConfigError, match=r"anonymous king: use operator \| thing \| refuse"):
        Settings(anonymous="king")


@pytest.mark.parametrize(
    ("name", "stream_id"),
    [
        ("app.bin", "app"),
        ("my app (1).bin", "my-app-1"),
        ("é.bin", "firmware"),
        ("x" * 60 + ".bin", "x" * 44),
        (".bin", "bin"),
    ],
)
def test_a_stream_is_named_after_its_file_within_the_agents_buffers(tmp_path, name: str, stream_id: str):  # ST-11
    assert default_stream_id(tmp_path / name) == stream_id


async def test_a_stream_id_without_a_file_is_a_mistake(tmp_path):
    simulator = Simulator(Settings(stream_id="fw", mqtt_port=0, data_dir=str(tmp_path / "data")))
    with pytest.raises(ConfigError, match="needs a firmware file"):
        await simulator.start()


async def test_what_could_not_start_leaves_nothing_open(tmp_path):
    settings = Settings(host="203.0.113.1", insecure=True, mqtt_port=0, data_dir=str(tmp_path / "data"))
    for _ in range(2):  # the directory is free again
        with pytest.raises(Exception, match="cannot listen"):
            await Simulator(settings).start()


async def test_a_simulator_without_a_stream_starts_and_stops(tmp_path):
    simulator = Simulator(Settings(mqtt_port=0, data_dir=str(tmp_path / "data")))
    await simulator.start()
    assert simulator.port
    await simulator.stop()
