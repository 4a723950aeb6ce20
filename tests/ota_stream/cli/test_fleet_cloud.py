"""A fleet and the simulator it talks to: faults while it runs, and what was found wrong, in the report."""

from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from images import image_bytes
from ota_stream.cli.control_client import ControlClient, connect
from ota_stream.cli.fleet import fleet
from ota_stream.cli.fleet_cloud import grouped
from ota_stream.cli.fleet_files import read
from ota_stream.cli.load import load
from ota_stream.errors import OtaStreamError
from processes import serve

EXAMPLE = Path(__file__).parents[3] / "examples" / "fleet-with-faults.yaml"
FAULTY = EXAMPLE.read_text().replace("stream: app", "stream: fw")


def run(command, *arguments: object):
    app = typer.Typer()
    app.command()(command)
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def data_dir(tmp_path):
    (tmp_path / "app.bin").write_bytes(image_bytes(40_000))
    with serve(tmp_path / "app.bin", tmp_path / "data"):
        yield tmp_path / "data"


@pytest.fixture
def client(data_dir) -> ControlClient:
    return connect(data_dir, None)


def test_the_example_has_its_faults_while_it_runs_and_no_longer(data_dir, client, tmp_path):
    client.post("faults", body={"fault": "delay", "seconds": 0.01, "thing": "somebody-else"})
    (tmp_path / "fleet.yaml").write_text(FAULTY)
    result = run(fleet, tmp_path / "fleet.yaml", "--data-dir", data_dir, "--report", tmp_path / "out")
    assert result.exit_code == 0, result.output
    report = read(tmp_path / "out")
    assert (report.things, report.succeeded) == (20, 20)
    assert report.lost_connections == 1, "door-007 was cut off"
    assert report.requests > 20 * 3, "what was dropped was asked for again"
    assert [each["fault"] for each in client.get("faults")["faults"]] == ["delay"]


BOTH = """
work: {do: update, firmware: app.bin}
classes:
  - {name: doors, count: 3, thing: "door-{number}", protocol: http}
  - {name: gates, count: 2, thing: "gate-{number}"}
faults:
  - {fault: reject, operation: GetObject, code: 503, blocks: 3, attempts: 1, thing: door-1}
"""


def test_an_update_is_offered_by_the_protocols_of_all_classes(data_dir, tmp_path):
    (tmp_path / "fleet.yaml").write_text(BOTH.replace("protocol: http", "protocol: http, retry: 200ms"))
    result = run(fleet, tmp_path / "fleet.yaml", "--data-dir", data_dir, "--report", tmp_path / "out")
    assert result.exit_code == 0, result.output
    requests = {
        row.split(",")[0]: int(row.split(",")[8])
        for row in (tmp_path / "out" / "things.csv").read_text().splitlines()[1:]
    }
    assert requests["door-1"] >= 11, "what was refused was asked for again"
    assert min(requests["door-2"], requests["door-3"]) >= 10, "by HTTP each block is a request"
    assert requests["gate-4"] == requests["gate-5"] == 2


def test_what_is_found_wrong_with_the_things_is_in_the_report(data_dir, tmp_path):
    what = ["--stream", "fw", "--data-dir", data_dir, "--report", tmp_path / "out"]
    assert run(load, "--things", 1, "--name", "before-", "--file-id", 9, *what).exit_code == 1
    result = run(load, "--things", 3, "--block-size", 100, "--limit", "5s", *what)
    assert result.exit_code == 1
    (row,) = read(tmp_path / "out").diagnosis or []
    assert (row.things, row.times, row.example[:6]) == (3, 3, "thing-")
    assert "found at 3, for example thing-" in result.stdout
    page = (tmp_path / "out" / "report.html").read_text()
    assert "<h2>Diagnosis</h2>" in page
    assert row.kind in page
    good = run(load, "--things", 2, *what)
    assert good.exit_code == 0
    assert read(tmp_path / "out").diagnosis == []
    assert "nothing found" in (tmp_path / "out" / "report.html").read_text()


def test_without_diagnosis_there_is_no_such_section(tmp_path):
    (tmp_path / "app.bin").write_bytes(image_bytes(4096))
    with serve(tmp_path / "app.bin", tmp_path / "data", "--diagnose", "0"):
        what = ["--data-dir", tmp_path / "data", "--report", tmp_path / "out"]
        assert run(load, "--things", 1, "--stream", "fw", *what).exit_code == 0
    assert read(tmp_path / "out").diagnosis is None
    assert "Diagnosis" not in (tmp_path / "out" / "report.html").read_text()


def test_findings_are_grouped_by_kind_the_most_frequent_first():
    def finding(kind: str, thing: str, times: int = 1) -> dict[str, object]:
        return {
            "kind": kind,
            "thing": thing,
            "times": times,
            "rule": "R",
            "wrong": "W",
            "seen": "S" * 999,
            "remedy": "M",
        }

    rows = grouped([finding("a", "t1", 7), finding("b", "t2"), finding("b", "t3"), finding("b", "t3", 2)])
    assert [(row.kind, row.things, row.times, row.example) for row in rows] == [("b", 2, 4, "t2"), ("a", 1, 7, "t1")]
    assert len(rows[0].seen) == 200


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("fault: duplicate", "fault: duplikate", ":9: there is no fault 'duplikate'; did you mean duplicate or"),
        ("fault: drop, ", "", ":8: a fault needs its kind"),
        ("limit: 2m", "limit: 2m\ntarget: {host: 127.0.0.1}", ": faults are set at the running simulator: leave out"),
    ],
)
def test_a_fault_that_cannot_be_is_a_line_with_its_place(tmp_path, before, after, said):
    path = tmp_path / "fleet.yaml"
    path.write_text(FAULTY.replace(before, after))
    result = run(fleet, path, "--check")
    assert isinstance(result.exception, OtaStreamError)
    assert str(result.exception).startswith(f"{path}{said}")


def test_a_fault_that_is_refused_leaves_no_other_fault_and_no_folder(data_dir, client, tmp_path):
    client.post("faults", body={"fault": "drop", "name": "mine"})
    more = "  - { fault: drop, name: ok }\n  - { fault: drop, name: mine }\nclasses:"
    (tmp_path / "fleet.yaml").write_text(FAULTY.replace("classes:", more))
    result = run(fleet, tmp_path / "fleet.yaml", "--data-dir", data_dir, "--report", tmp_path / "out")
    assert isinstance(result.exception, OtaStreamError), result.output
    assert not (tmp_path / "out").exists()
    assert [each["name"] for each in client.get("faults")["faults"]] == ["mine"]
