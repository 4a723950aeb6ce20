"""Every setting is checked before anything is opened, and the line names it."""

import pytest

from ota_broker.config import ConfigError, Settings
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
        ("options", {"stream_qos": 2}),
        ("options", {"nonsense": 1}),
        ("options", {"jobs.nonsense": 1}),
        ("options", {"updates.pace": "slow"}),
        ("options", {"streams.unknown": 1}),
    ],
)
def test_a_setting_that_is_none_is_named(setting: str, value: object):
    with pytest.raises(ConfigError, match=setting):
        Settings(**{setting: value})


def test_options_are_read_as_a_command_line_writes_them():
    settings = Settings(options={"stream_qos": "1", "bitmap_max": "100", "out_of_range": "truncate"})
    assert settings.stream_options() == StreamOptions(stream_qos=1, bitmap_max=100, out_of_range="truncate")


def test_options_of_jobs_and_updates_have_a_prefix():
    settings = Settings(account_id="0" * 12, options={"jobs.strict": "true", "updates.pace": "1.5", "stream_qos": 1})
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
def test_loopback_is_known(host: str, *, loopback: bool):
    assert Settings(host=host).is_loopback() is loopback


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
    settings = Settings(host="203.0.113.1", mqtt_port=0, data_dir=str(tmp_path / "data"))
    for _ in range(2):  # the directory is free again
        with pytest.raises(Exception, match="cannot listen"):
            await Simulator(settings).start()


async def test_a_simulator_without_a_stream_starts_and_stops(tmp_path):
    simulator = Simulator(Settings(mqtt_port=0, data_dir=str(tmp_path / "data")))
    await simulator.start()
    assert simulator.port
    await simulator.stop()
