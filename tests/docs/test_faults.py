"""docs/faults.md: it has every kind, attribute, criterion and call with its default; its YAML and its entry are so."""

import json
import subprocess
import sys
from functools import partial
from typing import get_args

import msgspec
import yaml

from docs.pages import ROOT, code, fenced, section, table
from live import MovableClock
from ota_device import mishaps
from ota_stream.api import faults as api
from ota_stream.faults.desk import FaultDesk
from ota_stream.faults.fault import Fault, Operation
from ota_stream.faults.kinds import KINDS, read_all
from ota_stream.logs.entries import EntryWriter
from ota_stream.records import FaultRecord

PAGE = (ROOT / "docs" / "faults.md").read_text(encoding="utf-8")
COMMON = {field.name: field.default for field in msgspec.structs.fields(Fault)}


def written(default: object) -> str:
    return "" if default is None else str(default)


def in_the_way_of(kind: type[Fault]) -> str:
    directions = [get_args(field.type) for field in msgspec.structs.fields(kind) if field.name == "direction"]
    ways = [*(directions[0] if directions else [kind.way])]
    if kind.downloads and "download" not in ways:
        ways.append("download")
    *others, last = ways
    return f"{', '.join(others)} or {last}" if others else last


def test_the_page_has_every_kind_and_what_it_is_in_the_way_of():
    said = {code(row["fault"])[0]: row["in the way of"] for row in table(PAGE, "fault", "in the way of")}
    assert said == {name: in_the_way_of(kind) for name, kind in KINDS.items()}


def test_the_page_has_every_fault_of_downloads():
    said = [code(row["fault"])[0] for row in table(PAGE, "fault", "a GET (or HEAD) of an object")]
    others = {"lose-first"}  # a drop with an operation of its own
    assert said == [name for name, kind in KINDS.items() if kind.downloads and name not in others]


def test_the_page_has_every_attribute_with_its_default():
    said = [
        (code(row["fault"])[0], code(row["attribute"])[0], code(row["default"])[0])
        for row in table(PAGE, "fault", "attribute")
    ]
    assert said == [
        (name, field.name, written(field.default))
        for name, kind in KINDS.items()
        for field in msgspec.structs.fields(kind)
        if field.name not in COMMON
    ]


def test_the_page_has_every_fault_of_a_device_with_its_attributes():
    assert [code(row["device fault"])[0] for row in table(PAGE, "device fault", "what happens")] == list(mishaps.KINDS)
    said = [
        (code(row["device fault"])[0], code(row["attribute"])[0], "".join(code(row["default"])))
        for row in table(PAGE, "device fault", "attribute")
    ]
    assert said == [
        (name, field.name, written(field.default))
        for name, kind in mishaps.KINDS.items()
        for field in msgspec.structs.fields(kind)
    ]


def test_the_sweep_prints_what_the_page_says():
    command, *lines = next(block for block in fenced(PAGE, "console") if "sweep" in block).strip().splitlines()
    program = ROOT / command.removeprefix("$ python ")
    done = subprocess.run([sys.executable, program], capture_output=True, text=True, check=False, timeout=60)
    assert done.stdout.splitlines() == lines, done.stderr
    assert done.stderr == ""


def test_the_page_has_every_criterion_with_its_default():
    rows = table(PAGE, "member", "meaning")
    said = {code(row["member"])[0]: "".join(code(row["default"])) for row in rows}
    assert said == {name: written(default) for name, default in COMMON.items()}
    (operations,) = [row["meaning"] for row in rows if row["member"] == "`operation`"]
    assert code(operations) == list(get_args(Operation))


def test_the_yaml_on_the_page_can_be_read():
    (text,) = fenced(PAGE, "yaml")
    assert [fault.kind() for fault in read_all(yaml.safe_load(text))] == ["drop", "corrupt", "reject"]


def test_the_entry_on_the_page_is_as_it_is_written():
    (shown,) = fenced(section(PAGE, "In the log"), "json")
    topic = "$aws/things/door-lock-7/streams/fw/get/cbor"
    hits = "1 of GetStream, blocks 7"
    record = FaultRecord(1772359200.0, "lose-block-7", "drop", "door-lock-7", "door-lock-7", topic, hits)
    assert shown.strip() == EntryWriter().entry(record).decode()
    assert json.loads(shown)["eventType"] == "InjectedFault"


def test_the_page_has_every_call():
    said = [tuple(code(row["call"])[0].split(" ")) for row in table(PAGE, "call", "body")]
    routes = api.routes(FaultDesk(partial(int)), MovableClock())
    assert said == [
        (method, f"/_ota{route.path}") for route in routes for method in sorted(route.methods or ()) if method != "HEAD"
    ]
