"""docs/fleets.md has every member and metric; the dashboard asks for metrics that are there; their names are right."""

import json
import re

import msgspec
import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from docs.pages import ROOT, code, section, table
from ota_device.fleet.metrics import FleetCollector
from ota_device.fleet.scenario import Scenario, Things
from ota_device.fleet.tally import Tally
from ota_device.fleet.traits import Fault
from ota_stream.cli import fleet_files

PAGE = (ROOT / "docs" / "fleets.md").read_text(encoding="utf-8")
DASHBOARD = json.loads((ROOT / "examples" / "fleet-dashboard.json").read_text(encoding="utf-8"))
NAME = re.compile(r"\bota_fleet_\w+")
TYPES = {"counter": "_total", "gauge": "", "histogram": "_seconds"}


def exported() -> dict[str, tuple[str, set[str]]]:
    """Return type and labels of every metric."""
    tally = Tally()
    tally.failed("a reason")
    registry = CollectorRegistry()
    registry.register(FleetCollector(tally))
    return {
        (family.name + "_total" if family.type == "counter" else family.name): (
            family.type,
            {label for sample in family.samples for label in sample.labels} - {"le"},
        )
        for family in text_string_to_metric_families(generate_latest(registry).decode())
    }


def test_every_member_of_the_file_is_on_the_page():
    members = {name for row in table(section(PAGE, "The file"), "member") for name in code(row["member"])}
    shapes = {field.encode_name for shape in (Scenario, Things) for field in msgspec.structs.fields(shape)}
    assert members == shapes - {"name", "count"}
    assert {f"`{fault}`" for fault in Fault} <= set(re.findall(r"`[\w-]+`", PAGE))


def test_every_file_of_a_report_is_on_the_page():
    listed = {name for row in table(section(PAGE, "The report"), "file") for name in code(row["file"])}
    files = {fleet_files.JSON, fleet_files.THINGS, fleet_files.SAMPLES, fleet_files.JUNIT, fleet_files.PAGE}
    assert listed == files


def test_every_metric_is_on_the_page_with_its_type_and_label():
    listed = {
        code(row["metric"])[0]: (row["type"].split(",")[0], set(code(row["type"])))
        for row in table(section(PAGE, "Metrics"), "metric")
        if NAME.match(code(row["metric"])[0])
    }
    assert listed == exported()


@pytest.mark.parametrize(("name", "kind"), [(name, kind) for name, (kind, _) in exported().items()])
def test_a_metric_is_named_as_prometheus_wants_it(name: str, kind: str):
    assert re.fullmatch(r"ota_fleet_[a-z]+(_[a-z]+)*", name)
    assert name.endswith(TYPES[kind])
    assert name.endswith("_total") is (kind == "counter")
    assert not {"ms", "milliseconds", "kilobytes", "count", "percent"} & set(name.split("_"))


def test_no_label_names_a_thing():
    assert {label for _, labels in exported().values() for label in labels} == {"stage", "reason"}


def test_the_dashboard_asks_for_every_metric_and_no_other():
    asked = {name for panel in DASHBOARD["panels"] for each in panel["targets"] for name in NAME.findall(each["expr"])}
    assert {name.removesuffix("_bucket") for name in asked} == exported().keys()


def test_the_dashboard_has_every_number_of_the_simulator_too():
    listed = {
        name
        for row in table(section(PAGE, "Metrics"), "metric")
        for name in code(row["metric"])
        if name.startswith("ota_stream_")
    }
    exprs = " ".join(each["expr"] for panel in DASHBOARD["panels"] for each in panel["targets"])
    assert set(re.findall(r"\bota_stream_\w+", exprs)) == listed - {"ota_stream_build_info"}


def test_the_dashboard_finds_its_data_source_by_a_variable():
    assert [each["name"] for each in DASHBOARD["templating"]["list"]] == ["datasource"]
    assert {panel["datasource"]["uid"] for panel in DASHBOARD["panels"]} == {"${datasource}"}
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(ids)) == len(ids)
