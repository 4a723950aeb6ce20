"""Writes the report of a run into a folder: JSON, CSV, JUnit, HTML."""

import csv
import io
from pathlib import Path
from typing import Final
from xml.etree import ElementTree as ET

from ota_device.fleet import report as reports
from ota_device.fleet.engine import Fleet
from ota_device.fleet.report import Report, is_expected
from ota_device.fleet.thing import Thing
from ota_stream.cli.fleet_page import page
from ota_stream.cli.logs import printable
from ota_stream.errors import OtaStreamError

JSON: Final = "report.json"
THINGS: Final = "things.csv"
SAMPLES: Final = "samples.csv"
PAGE: Final = "report.html"
JUNIT: Final = "junit.xml"
COLUMNS: Final = (
    "thing", "class", "fault", "outcome", "as_expected", "reason", "began_s", "took_s", "requests", "blocks", "bytes",
    "reconnects", "power_cuts",
)  # fmt: skip


class ReportError(OtaStreamError):
    """A report cannot be written, or read."""


def check(folder: Path) -> bool:
    """Find out before the run what would go wrong after it; tell whether the folder is new. Raises ReportError."""
    is_new = not folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".{JSON}.probe"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise ReportError(f"the report cannot be written to {folder}: {error.strerror}") from error
    return is_new


def write(folder: Path, report: Report, fleet: Fleet) -> None:
    """Write every file. Raises ReportError."""
    files = {
        JSON: reports.encode(report),
        THINGS: _things(fleet),
        SAMPLES: _samples(report),
        JUNIT: _junit(report, fleet),
        PAGE: page(report),
    }
    try:
        for name, content in files.items():
            (folder / name).write_bytes(content)
    except OSError as error:
        raise ReportError(f"the report cannot be written to {folder}: {error.strerror}") from error


def read(folder: Path) -> Report:
    """Read the report in a folder, or in a JSON file. Raises ReportError."""
    path = folder / JSON if folder.is_dir() else folder
    try:
        return reports.decode(path.read_bytes())
    except OSError as error:
        raise ReportError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise ReportError(f"{path} is no report of a fleet: {error}") from None


def _things(fleet: Fleet) -> bytes:
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(COLUMNS)
    for thing in fleet.things:
        began = None if thing.began is None else round(thing.began - (fleet.started or 0.0), 3)
        rows.writerow(
            (
                thing.name,
                thing.traits.name,
                thing.fault or "",
                thing.stage.value,
                "yes" if is_expected(thing) else "no",
                _reason(thing),
                "" if began is None else began,
                _took(thing),
                thing.requests,
                thing.blocks,
                thing.received,
                thing.reconnects,
                thing.power_cuts,
            )
        )
    return text.getvalue().encode()


def _samples(report: Report) -> bytes:
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    stages = list(report.samples[0].stages) if report.samples else []
    rows.writerow(("at_s", "interval_s", "connected", *stages, "blocks", "bytes"))
    for sample in report.samples:
        rows.writerow(
            (sample.at, sample.interval, sample.connected, *sample.stages.values(), sample.blocks, sample.bytes)
        )
    return text.getvalue().encode()


def _junit(report: Report, fleet: Fleet) -> bytes:
    """Write a suite per class and a case per thing: a case fails when the thing ended otherwise than expected."""
    root = ET.Element("testsuites", name=report.title, time=str(report.elapsed))
    for row in report.classes:
        suite = ET.SubElement(
            root, "testsuite", name=row.name, tests=str(row.count), failures=str(row.unexpected), errors="0"
        )
        for thing in fleet.things:
            if thing.traits.name == row.name:
                _case(suite, thing)
    ET.indent(root, " ")
    return f"<?xml version='1.0' encoding='utf-8'?>\n{ET.tostring(root, encoding='unicode')}\n".encode()


def _case(suite: ET.Element, thing: Thing) -> None:
    case = ET.SubElement(suite, "testcase", classname=thing.traits.name, name=thing.name, time=str(_took(thing)))
    if not is_expected(thing):
        said = _reason(thing) or f"it should fail, for its fault is {thing.fault}"
        ET.SubElement(case, "failure", message=said)


def _took(thing: Thing) -> float:
    return 0.0 if thing.began is None or thing.ended is None else round(thing.ended - thing.began, 3)


def _reason(thing: Thing) -> str:
    return "" if thing.verdict is None else printable(thing.verdict.reason)
