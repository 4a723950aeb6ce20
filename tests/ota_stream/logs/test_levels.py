import pytest

from ota_stream.logs.levels import Level, allows, find

ALLOWED = {  # LC-1: what each setting lets through
    Level.DISABLED: "",
    Level.ERROR: "ERROR",
    Level.WARN: "ERROR WARN",
    Level.INFO: "ERROR WARN INFO",
    Level.DEBUG: "ERROR WARN INFO DEBUG",
}


@pytest.mark.parametrize("configured", Level)
def test_a_level_includes_all_that_say_less(configured: Level):  # LC-1
    assert [level for level in Level if allows(configured, level)] == ALLOWED[configured].split()


@pytest.mark.parametrize("configured", [level for level in Level if level is not Level.DEBUG])
def test_stream_records_appear_at_debug_only(configured: Level):  # LC-2
    assert not allows(configured, Level.DEBUG)


@pytest.mark.parametrize("text", ["debug", "DEBUG", "Debug"])
def test_a_level_is_found_in_any_case(text: str):
    assert find(text) is Level.DEBUG


def test_the_command_line_can_spell_every_level():
    assert [find(text) for text in ("disabled", "error", "warn", "info", "debug")] == list(Level)


@pytest.mark.parametrize("text", ["", "trace", "warning"])
def test_what_is_no_level_is_not_found(text: str):
    assert find(text) is None
