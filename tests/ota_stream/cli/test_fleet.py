"""`ota-stream fleet FILE`: files that run, files that cannot, and two reports side by side."""

import json
from pathlib import Path

import jsonschema
import pytest
import typer
import yaml
from typer.testing import CliRunner

from device_world import document, ecdsa, firmware
from fleet_world import IMAGE, SHELF
from images import MemoryImage
from live import serving
from ota_device.fleet import located, scenario
from ota_stream.cli.fleet import fleet
from ota_stream.cli.fleet_compare import report_app
from ota_stream.cli.fleet_files import read
from ota_stream.errors import OtaStreamError

ROOT = Path(__file__).parents[3]
EXAMPLE = ROOT / "examples" / "fleet.yaml"
GOOD = """
seed: 3
work: {do: download, stream: fw}
classes:
  - name: doors
    count: 4
    ramp: 1000/s
    latency: 2ms
    loss: 2%
    retry: 200ms
    failures:
      flash: 50%
  - name: gates
    count: 2
    thing: "gate-{number}"
    format: json
"""


def command(app: typer.Typer, *arguments: object):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def run(*arguments: object):
    app = typer.Typer()
    app.command()(fleet)
    return command(app, *arguments)


@pytest.fixture
def server():
    with serving({"app": SHELF["fw"], **SHELF}) as it:
        yield it


@pytest.fixture
def written(tmp_path):
    def write(text: str) -> Path:
        path = tmp_path / "fleet.yaml"
        path.write_text(text)
        return path

    return write


def at(server, text: str) -> str:
    return f"target: {{host: {server.host}, port: {server.port}}}\n{text}"


def failure(*arguments: object) -> str:
    result = run(*arguments)
    assert isinstance(result.exception, OtaStreamError), result
    assert "\n" not in str(result.exception)
    return str(result.exception)


def test_the_example_runs_as_it_expects(server, tmp_path):
    text = EXAMPLE.read_text().replace("count: 40", "count: 10").replace("spread: 1s", "spread: 100ms")
    path = tmp_path / "fleet.yaml"
    path.write_text(at(server, text))
    result = run(path, "--report", tmp_path / "out")
    assert result.exit_code == 0, result.output
    report = read(tmp_path / "out")
    assert report.title == "doors and gates"
    assert [(row.name, row.count, row.unexpected) for row in report.classes] == [
        ("doors", 10, 0),
        ("gates at the end of a bad line", 8, 0),
    ]


def test_a_thing_with_a_fault_is_expected_to_fail(server, written, tmp_path):
    result = run(written(at(server, GOOD)), "--report", tmp_path / "out")
    assert result.exit_code == 0, result.output
    report = read(tmp_path / "out")
    assert report.failed == sum(report.reasons.values()) > 0
    assert (report.unexpected, report.things) == (0, 6)
    page = (tmp_path / "out" / "report.html").read_text()
    assert "as expected" in page
    assert page.count("<svg ") == 6
    assert "http" not in page.replace("http://www.w3.org", "")  # nothing is loaded from anywhere


def test_what_is_expected_is_in_the_file(server, written):
    slow = GOOD + "expect: {within: 1ms}\n"
    result = run(written(at(server, slow)))
    assert result.exit_code == 1
    assert result.stdout.splitlines()[-1] == "not as expected: it took longer than 0.001 s"
    wrong = GOOD.replace("stream: fw", "stream: fw, sha256: " + "a" * 64)
    result = run(written(at(server, wrong)))
    assert result.exit_code == 1
    assert "things ended otherwise than they should" in result.stdout
    assert run(written(at(server, wrong + "expect: {unexpected: 6}\n"))).exit_code == 0


def test_a_job_of_somebody_elses_is_carried_out(server, written, tmp_path):
    image = firmware("1.2.3")
    server.run(lambda: server.catalog.put("OTA", {0: MemoryImage(image)}))
    server.create_job("job-1", "a-1", "b-2", document=json.dumps(document(image, ota={"streamname": "OTA"})))
    (tmp_path / "signer.pem").write_bytes(ecdsa().pem)
    classes = "[{name: a, count: 1, thing: 'a-{number}', version: 0.1.0, reboot: 10ms}, {name: b, count: 1, "
    text = f"work: {{do: job, certificate: signer.pem}}\nclasses: {classes}thing: 'b-{{number}}', flavour: rustot}}]\n"
    result = run(written(at(server, text)), "--report", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert read(tmp_path / "out").rebooted == 2


def test_a_file_can_be_checked_without_running_it(written):
    path = written(GOOD)
    result = run(path, "--check")
    assert (result.exit_code, result.stdout) == (0, f"{path}: 6 things, nothing wrong\n")


def test_what_a_checked_file_names_has_to_be_there(written, tmp_path):
    update = GOOD.replace("{do: download, stream: fw}", "{do: update, firmware: build/app.bin}")
    said = failure(written(update), "--check")
    assert said == f"firmware {tmp_path / 'build' / 'app.bin'} cannot be read: No such file or directory"
    tls = "target: {host: 127.0.0.1, port: 1, tls: {certificates: certs}}\n"
    said = failure(written(GOOD + tls), "--check")
    assert said.startswith(f"6 of 6 things have no certificate in {tmp_path / 'certs'}")


def test_a_run_that_cannot_begin_leaves_no_folder(written, tmp_path):
    path = written(GOOD + "target: {host: 127.0.0.1, port: 1}\n")
    assert failure(path, "--report", tmp_path / "out").startswith("nobody listens on 127.0.0.1:1")
    assert not (tmp_path / "out").exists()
    (tmp_path / "out").mkdir()
    failure(path, "--report", tmp_path / "out")
    assert (tmp_path / "out").is_dir()


def test_another_seed_than_the_files_gives_other_faults(server, written, tmp_path):
    names = []
    for seed in (3, 3, 5):
        run(written(at(server, GOOD.replace("count: 4", "count: 12"))), "--seed", seed, "--report", tmp_path / "out")
        names.append([line for line in (tmp_path / "out" / "things.csv").read_text().splitlines() if ",flash," in line])
    faulty = [[line.split(",")[0] for line in lines] for lines in names]
    assert faulty[0] == faulty[1] != faulty[2]


MISTAKES = [
    ("count: 4", "count: 0", 6, "classes[0].count: Expected `int` >= 1"),
    ("count: 4", "count: many", 6, "classes[0].count: Expected `int`, got `str`"),
    ("count: 2", "count: 2\n    cuont: 2", 15, "Object contains unknown field `cuont`"),
    ("    count: 2\n", "", 13, "classes[1]: Object missing required field `count`"),
    ("2ms", "2 ms.", 8, "classes[0].latency: '2 ms.' is none: write a time like 500ms, 30s, 10m or 2h"),
    ("2ms", "[2]", 8, "classes[0].latency: [2] is no seconds"),
    ("loss: 2%", "loss: 100%", 9, "loss: with everything lost no block ever comes: write less than 100%"),
    (
        "flash: 50%",
        "flash: 150%",
        11,
        "classes[0].failures[...]: '150%' is more than all: write a share like 2% or 0.02",
    ),
    ("flash: 50%", "flush: 50%", 11, "classes[0].failures: Invalid enum value 'flush'"),
    ("flash: 50%", "{flash: 50%, crash: 51%}", 11, "failures: their shares are more than all things"),
    ("1000/s", "0/s", 7, "ramp: with 0 a second no thing ever starts"),
    ("1000/s", "1/h", 7, "classes[0].ramp: the last of doors starts after 10800 s, and the limit of the run is 600 s"),
    ("latency: 2ms", "duty: {online: 0s, offline: 1s}", 8, "online: with 0 it never is: write more"),
    ("latency: 2ms", "bandwidth: 0", 8, "bandwidth: with 0 no block ever comes"),
    ("latency: 2ms", "version: 1.2", 8, "classes[0].version: Expected `str`, got `float`"),
    ("latency: 2ms", "version: 256.0.0", 8, "version: '256.0.0' is none: write X.Y.Z, up to 255.255.65535"),
    ("gate-{number}", "gate", 15, "thing: 'gate' names no things: use a-z A-Z 0-9 : _ - and {number} once"),
    ("name: gates", "name: doors", 13, "classes[1].name: another class has the name doors, too"),
    ("do: download", "do: nothing", 3, "work.do: Invalid value 'nothing'"),
    ("stream: fw", "stream: f/w", 3, "stream: 'f/w' is no stream id: use 1 to 128 of a-z A-Z 0-9 _ -"),
    ("stream: fw", "stream: fw, sha256: abc", 3, "sha256: write 64 digits of 0-9 a-f"),
    ("seed: 3", "seed: 3\nlimit: 0s", 3, "limit: with 0 the run is over before it begins"),
    ("stream: fw", "stream: fw, again: 10m", 3, "work.again: the limit of the run is over before: make that longer"),
    ("seed: 3", "seed: 3\nseed: 4", 3, "seed is there twice, first on line 2"),
    ("seed: 3", "seed: [3", 3, "expected ',' or ']', but got ':'"),
    ("seed: 3", "seed: &a 3\nlimit: *a", 2, "an alias: write it out"),
    ("seed: 3", "seed: !!python/name:os.system 3", 2, "could not determine a constructor for the tag"),
    ("seed: 3", "title: \x07", 1, "unacceptable character #x0007: special characters are not allowed"),
    (GOOD, "", 1, "Expected `object`, got `null`"),
    (GOOD, "[" * 5000, 1, "it cannot be read: too many brackets, or a date that is none"),
    (GOOD, "x: 2026-99-99", 1, "it cannot be read: too many brackets, or a date that is none"),
    (GOOD, "#" * (located.SIZE_MAX + 1), 1, f"more than {located.SIZE_MAX} characters: this is no fleet file"),
    ("latency: 2ms", "protocol: http", 8, "protocol: bandwidth, latency, jitter and loss are of MQTT: with http leave"),
    (
        "latency: 2ms\n    loss: 2%",
        "protocol: http",
        8,
        "classes[0].protocol: a stream comes by MQTT: http is for updates and jobs",
    ),
]


@pytest.mark.parametrize(("before", "after", "line", "message"), MISTAKES, ids=range(len(MISTAKES)))
def test_a_mistake_is_one_line_with_its_place(written, before, after, line, message):
    assert before in GOOD
    path = written(GOOD.replace(before, after))
    assert failure(path, "--check").startswith(f"{path}:{line}: {message}")


def test_all_mistakes_are_told_each_with_its_line(written):
    wrong = {"count: 4": "count: 0", "2ms": "soon", "loss: 2%": "loss: 100%", "gate-{number}": "gate", "json": "xml"}
    text = GOOD + "limit: 0s\nwork: {do: download}\nexpect: {unexpected: -1, within: 1}\n"
    for before, after in wrong.items():
        text = text.replace(before, after)
    path = written(text.replace("work: {do: download, stream: fw}\n", ""))
    result = run(path, "--check")
    assert [line.split(": ")[0] for line in str(result.exception).splitlines()] == [
        f"{path}:{line}" for line in (5, 7, 8, 14, 15, 16, 17, 18)
    ]
    assert [line.split(": ")[1] for line in str(result.exception).splitlines()] == [
        "classes[0].count", "classes[0].latency", "loss", "thing", "classes[1].format", "limit", "work",
        "expect.unexpected",
    ]  # fmt: skip


def test_there_is_an_end_to_mistakes(written):
    many = "".join(f"  - {{name: n{number}, count: 0}}\n" for number in range(50))
    said = str(run(written(GOOD.replace("    count: 4", "    count: 4\n") + many), "--check").exception)
    assert len(said.splitlines()) == scenario.MISTAKES_MAX


def test_a_name_for_two_things_is_refused(written):
    classes = """
  - {name: a, count: 16, thing: "x{number}"}
  - {name: b, count: 1, thing: "x{number:01}"}
  - {name: c, count: 1, thing: "x1{number}"}
  - {name: d, count: 102, thing: "x{number}"}
"""
    path = written("work: {do: download, stream: fw}\nclasses:" + classes)
    assert failure(path, "--check") == (
        f"{path}:6: classes[3].thing: two things would have the name x118: give the classes patterns that differ more"
    )


def test_a_file_that_is_not_there_or_no_text_is_told(tmp_path):
    assert failure(tmp_path / "no.yaml") == f"{tmp_path / 'no.yaml'} cannot be read: No such file or directory"
    (tmp_path / "bin").write_bytes(b"\xff\xfe")
    assert failure(tmp_path / "bin") == f"{tmp_path / 'bin'} is no text in UTF-8"


# The schema


def test_the_published_schema_is_that_of_the_code():
    assert json.loads((ROOT / "docs" / "fleet.schema.json").read_text()) == scenario.schema()


@pytest.mark.parametrize("text", [GOOD, EXAMPLE.read_text()], ids=["good", "example"])
def test_the_schema_takes_what_the_code_takes(text):
    jsonschema.Draft202012Validator.check_schema(scenario.schema())
    jsonschema.validate(yaml.safe_load(text), scenario.schema())
    scenario.read(text)


@pytest.mark.parametrize("number", [0, 1, 2, 3, 4, 5, 14, 16, 18])
def test_the_schema_refuses_mistakes_of_shape_too(number):
    before, after, *_ = MISTAKES[number]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(yaml.safe_load(GOOD.replace(before, after)), scenario.schema())


# Two runs


def test_two_runs_are_put_side_by_side(server, written, tmp_path):
    for name, text in (("one", GOOD), ("two", GOOD.replace("count: 2", "count: 4"))):
        assert run(written(at(server, text)), "--report", tmp_path / name).exit_code == 0
    result = command(report_app, tmp_path / "one", tmp_path / "two" / "report.json")
    assert result.exit_code == 0, result.output
    rows = {line.split("  ")[0].strip(): line for line in result.stdout.splitlines()}
    assert rows["things"].split() == ["things", "6", "8", "+33.3%"]
    assert {"blocks/s", "block p99", "image p50", "CPU us/block", "connections lost"} <= rows.keys()
    assert rows["failed: the image has the wrong hash"]


def test_what_is_no_report_is_told(tmp_path):
    (tmp_path / "report.json").write_text("{}")
    for path, said in ((tmp_path, "is no report of a fleet"), (tmp_path / "no", "cannot be read: No such file")):
        result = command(report_app, path, path)
        assert isinstance(result.exception, OtaStreamError)
        assert said in str(result.exception)


def test_the_image_is_what_the_tests_think():
    assert len(IMAGE) == 40_000
