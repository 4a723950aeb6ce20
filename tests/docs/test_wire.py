"""The pages of rules are true: each stands where they say; options of docs/wire.md are those of the code."""

import re
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import msgspec
import pytest

from docs.pages import ROOT, RULES, Row, code, fenced, rows, table
from ota_broker.config import ConfigError, Settings
from ota_stream.streams.codec import CODECS
from ota_stream.streams.errors import Why
from ota_stream.streams.options import StreamOptions
from ota_stream.streams.topics import Format

PAGE = (ROOT / "docs" / "wire.md").read_text(encoding="utf-8")
SHIPPED = [ROOT / "src", ROOT / "broker", ROOT / "device_sim"]
PLACES = [ROOT / "src/ota_stream", ROOT / "broker/ota_broker", ROOT / "device_sim/ota_device"]
RULE = re.compile(
    r"\b(?:ST|SD|SG|SBM|SB|SR|EC|CL|Q|SC|LG|LR|LC|LI|LQ|MP|MS|MU|MB|M5|G|E|JT|JR|JS|JX|JNF|JTM|JE|JC|JH|OD|OU|OL|OA)-\d+[a-z]?\b"
)
BY_STRUCTURE = "by structure: "
WHOLE = {  # how many rules a family has
    "ST": 11, "SD": 9, "SG": 12, "SBM": 10, "SB": 12, "SR": 12, "EC": 10, "CL": 5, "SC": 13,
    "JT": 16, "JR": 13, "JS": 10, "JX": 10, "JNF": 10, "JTM": 8, "JE": 4, "JC": 24, "JH": 5,
    "OD": 15, "OU": 4, "OL": 14, "OA": 13, "LR": 21, "LC": 14, "LG": 9, "LI": 3, "MP": 8, "MS": 5, "G": 24,
}  # fmt: skip
NUMBERS = {family: range(1, last + 1) for family, last in WHOLE.items()}
ROWS = [row for page in RULES for row in rows(page.read_text(encoding="utf-8"))]
KEPT = [row for row in ROWS if "where" in row]


def rules_in(path: Path) -> set[str]:
    return set(RULE.findall(path.read_text(encoding="utf-8")))


def on_page() -> list[str]:
    """Return the ids the tables are about: those of their first columns."""
    return [rule for row in ROWS for rule in RULE.findall(row.get("id", ""))]


# Rules


def test_every_rule_the_code_names_has_a_row():
    named = {
        rule: path.relative_to(ROOT).as_posix()
        for place in SHIPPED
        for path in place.rglob("*.py")
        for rule in rules_in(path)
    }
    assert len(named) > 100, "the search finds the code"
    assert {rule: path for rule, path in named.items() if rule not in on_page()} == {}


@pytest.mark.parametrize(("family", "numbers"), [*NUMBERS.items(), ("OU", range(10, 24)), ("OD", range(20, 23))])
def test_no_rule_is_passed_over(family: str, numbers: range):
    assert {f"{family}-{number}" for number in numbers} <= set(on_page())


def test_a_kept_rule_has_one_row():
    ids = [row["id"] for row in KEPT]
    assert [rule for rule in ids if not RULE.fullmatch(rule)] == []
    assert [rule for rule in ids if ids.count(rule) > 1] == []


@pytest.mark.parametrize("row", KEPT, ids=lambda row: row["id"])
def test_a_rule_stands_in_the_files_the_page_names_or_is_kept_by_structure(row: Row):
    by_structure = row["where"].startswith(BY_STRUCTURE)
    assert code(row["where"]), "the page names a file"
    for name in code(row["where"]):
        (path,) = [place / name for place in PLACES if (place / name).is_file()]
        stands = row["id"] in rules_in(path)
        assert stands is not by_structure, f"{name} {'has' if stands else 'has not'} {row['id']}"


@pytest.mark.parametrize("row", [row for row in ROWS if "sure" in row], ids=lambda row: " ".join(row.values())[:60])
def test_every_row_says_how_sure_it_is(row: Row):
    assert re.search(r"\b(doc|seen|ours)\b", row["sure"])


# What the rules say


def test_every_refusal_is_in_the_table_and_no_other():
    listed = [(code(row["code"])[0], row["message"]) for row in table(PAGE, "code")]
    assert sorted(listed) == sorted((why.code.value, why.message) for why in Why)


def test_the_bytes_to_check_an_implementation_with_are_ours():
    cbor, json = CODECS[Format.CBOR], CODECS[Format.JSON]
    data = bytes((1, 2, 3, 4))
    said = [(row["format"], code(row["bytes"])[0]) for row in table(PAGE, "bytes")]
    assert [(name, bytes.fromhex(text) if name == "cbor" else text.encode()) for name, text in said] == [
        ("cbor", cbor.block_head("rdy") + cbor.block_body(0, 0, data)),  # SR-7
        ("json", json.block_head("rdy") + json.block_body(0, 0, data)),
        ("cbor", cbor.encode_rejected(Why.CBOR, None)),  # EC-4
        ("json", json.encode_rejected(Why.JSON, None)),
    ]
    assert len(cbor.encode_rejected(Why.CBOR, None)) == 85, "as the page says under Conflicts"


# Options


def test_the_page_has_every_option_with_its_values_and_its_default():
    said = {code(row["option"])[0]: (code(row["values"]), code(row["default"])) for row in table(PAGE, "option")}
    assert said == {
        field.name: (
            [str(value) for value in get_args(field.type)] if get_origin(field.type) is Literal else [],
            [str(field.default)],
        )
        for field in msgspec.structs.fields(StreamOptions)
    }


def test_every_option_has_the_id_that_stands_beside_it_in_the_code():
    source = (ROOT / "src/ota_stream/streams/options.py").read_text(encoding="utf-8")
    for row in table(PAGE, "option"):
        assert re.search(rf"^    {code(row['option'])[0]}: .*# {row['id']}\b", source, re.MULTILINE)


@pytest.mark.parametrize("row", table(PAGE, "option"), ids=lambda row: row["option"])
def test_every_value_on_the_page_can_be_set_as_text_and_no_other(row: Row):
    (name,) = code(row["option"])
    for value in code(row["values"]) or ["7"]:
        assert str(getattr(Settings(options={name: value}).stream_options(), name)) == value
    with pytest.raises(ConfigError, match=name):
        Settings(options={name: "no such value"})


def test_the_settings_in_the_examples_are_settings():
    (yaml,) = fenced(PAGE, "yaml")
    (plugin,) = _yaml(yaml)["plugins"].values()
    assert Settings(**plugin).stream_options() == StreamOptions(out_of_range="truncate", stream_qos=1)
    for setting, value in (("log_group", "x"), ("failure_level", "ERROR")):
        assert setting in PAGE
        assert getattr(Settings(**{setting: value}), setting) == value


def _yaml(text: str) -> Any:
    import yaml  # noqa: PLC0415 - one test needs it

    return yaml.safe_load(text)
