"""docs/mqtt.md is true: its reason codes, announcements, options, profiles and bounds are those of the code."""

import re
import shlex
import subprocess
from typing import Literal, get_args, get_origin

import msgspec
import pytest

import live
from docs.pages import ROOT, Row, code, fenced, table
from live5 import Client5
from ota_broker.config import ConfigError, Settings
from ota_broker.front import limits
from ota_broker.front.codec.packets import REASONS
from ota_broker.front.codec.reasons import Reason
from ota_broker.front.options import MqttOptions
from ota_broker.front.profile import AWS, PROFILES, STANDARD, Profile
from processes import tool

PAGE = (ROOT / "docs" / "mqtt.md").read_text(encoding="utf-8")
WORDS = {"yes": True, "no": False, "1": 1, "2": 2}


def test_every_reason_code_has_a_row():
    said = [(int(row["code"], 16), code(row["name"])[0]) for row in table(PAGE, "code", "name")]
    assert said == [(reason.value, reason.name) for reason in Reason]


def test_every_cause_has_its_code():
    said = {code(row["cause"])[0]: int(row["code"], 16) for row in table(PAGE, "cause")}
    assert said == {cause.value: reason.value for cause, reason in REASONS.items()}


@pytest.mark.parametrize("name", PROFILES)
def test_the_connack_announces_what_the_page_says(name: str):
    with live.serving(profile=PROFILES[name]) as server, Client5(server) as client:
        found = client.hello().properties
    said = {row["property"].replace(" ", ""): row[f"`{name}`"] for row in table(PAGE, "property")}
    assert {key: str(value) for key, value in found.items()} == {
        key: value for key, value in said.items() if value.isdigit()
    }


def test_the_page_has_every_option_with_its_default_and_its_id():
    source = (ROOT / "broker/ota_broker/front/options.py").read_text(encoding="utf-8")
    said = {code(row["option"])[0]: code(row["default"])[0] for row in table(PAGE, "option")}
    assert said == {field.name: str(field.default) for field in msgspec.structs.fields(MqttOptions)}
    for row in table(PAGE, "option"):
        assert re.search(rf"^    {code(row['option'])[0]}: .*# .*\b{row['id']}\b", source, re.MULTILINE)


@pytest.mark.parametrize("row", table(PAGE, "option"), ids=lambda row: row["option"])
def test_every_value_on_the_page_can_be_set_as_text_and_no_other(row: Row):
    (name,) = code(row["option"])
    kind = next(field.type for field in msgspec.structs.fields(MqttOptions) if field.name == name)
    assert code(row["values"]) == (list(get_args(kind)) if get_origin(kind) is Literal else [])
    for value in code(row["values"]) or ["7"]:
        assert str(getattr(Settings(options={f"mqtt.{name}": value}).mqtt_options(), name)) == value
    with pytest.raises(ConfigError, match=name):
        Settings(options={f"mqtt.{name}": "no such value"})


def test_the_page_has_every_field_of_a_profile_in_both_profiles():
    assert "`profile: standard`" in PAGE
    assert Settings(profile="standard").profile in PROFILES
    said = {code(row["field"])[0]: (WORDS[row["`aws`"]], WORDS[row["`standard`"]]) for row in table(PAGE, "field")}
    assert said == {
        field.name: (getattr(AWS, field.name), getattr(STANDARD, field.name))
        for field in msgspec.structs.fields(Profile)
    }


def test_the_bounds_are_those_of_the_broker():
    for row in table(PAGE, "bound"):
        value = int(re.sub(r"\D", "", row["value"]))
        assert getattr(limits, code(row["bound"])[0]) == value


def test_the_commands_to_try_it_do_what_they_seem_to():
    sub, pub = (shlex.split(line.removeprefix("$ ")) for line in fenced(PAGE, "console")[0].splitlines())
    with live.serving() as server:
        where = ["-h", server.host, "-p", str(server.port)]
        with subprocess.Popen([tool(sub[0]), *sub[1:], *where, "-C", "1"], stdout=subprocess.PIPE, text=True) as watch:
            live.wait_until(lambda: any(each.filters for each in server.listener.exchange._sessions), "subscribed")
            subprocess.run([tool(pub[0]), *pub[1:], *where], check=True, timeout=live.PATIENCE)
            assert watch.communicate(timeout=live.PATIENCE)[0] == "t/x hello key:value\n"
