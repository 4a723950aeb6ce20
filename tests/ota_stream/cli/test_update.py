"""`ota-stream update` against a real HTTP server, with a device played by the test."""

import json
import re
import threading
from collections.abc import Callable
from contextlib import contextmanager

import pytest
import typer
from typer.testing import CliRunner

from http_cloud import HttpCloud, serving_http
from images import image_bytes
from live import wait_until
from ota_stream.api.usual import BUCKET, PROFILES, Sign
from ota_stream.cli import watch
from ota_stream.cli.control_client import ControlClient
from ota_stream.cli.endpoints import Endpoint
from ota_stream.cli.executions import Execution
from ota_stream.cli.update import update
from ota_stream.errors import OtaStreamError
from ota_stream.jobs import topics
from ota_stream.signing.damage import Damage
from ota_stream.streams.quotas import FILE_SIZE_MAX

IMAGE = image_bytes(10_000)
APP = typer.Typer()
APP.command()(update)


@pytest.fixture
def cloud(tmp_path):
    (tmp_path / "cloud").mkdir()
    with serving_http(tmp_path / "cloud") as cloud:
        yield cloud


@pytest.fixture
def firmware(tmp_path):
    path = tmp_path / "app 1.bin"
    path.write_bytes(IMAGE)
    return path


def run(cloud: HttpCloud, *arguments: object, **changes):
    given = [str(argument) for argument in arguments]
    return CliRunner().invoke(APP, [*given, "--endpoint-url", cloud.base], **changes)


def succeeded(cloud: HttpCloud, *arguments: object) -> dict[str, str]:
    result = run(cloud, *arguments)
    assert result.exit_code == 0, result.output + str(result.exception)
    return dict(line.split(maxsplit=1) for line in result.stdout.splitlines())


def failure(cloud: HttpCloud, *arguments: object) -> str:
    result = run(cloud, *arguments)
    assert isinstance(result.exception, OtaStreamError), result.output
    assert "\n" not in str(result.exception)
    return str(result.exception)


def info(cloud: HttpCloud, ota_update_id: str):
    return cloud.ask("GET", f"/_ota/updates/{ota_update_id}").json["otaUpdateInfo"]


def document_of(cloud: HttpCloud, job_id: str):
    return json.loads(cloud.ask("GET", f"/_ota/jobs/{job_id}").json["document"])["afr_ota"]


def report(cloud: HttpCloud, thing: str, tail: str, **body) -> None:
    topic = topics.parse(f"$aws/things/{thing}/jobs/{tail}")
    assert topic is not None
    payload = json.dumps(body).encode()
    answer = cloud.run(lambda: cloud.devices.answer(topic, payload, thing, cloud.clock.wall()))
    assert answer.record.failure is None, answer.record


def has_job(cloud: HttpCloud, *things: str) -> None:
    wait_until(lambda: cloud.run(lambda: all(cloud.book.queue(thing) for thing in things)))


@contextmanager
def meanwhile(play: Callable[[], None]):
    """Play the devices in a thread while the command runs."""
    errors: list[BaseException] = []

    def played() -> None:
        try:
            play()
        except BaseException as error:  # noqa: BLE001 - shown where the test looks
            errors.append(error)

    thread = threading.Thread(target=played)
    thread.start()
    yield
    thread.join()
    assert not errors, errors


# What is asked for


def test_an_image_becomes_a_signed_update_with_its_stream_and_job(cloud: HttpCloud, firmware):
    printed = succeeded(cloud, firmware, "--target", "lock-1", "--id", "u1")
    assert list(printed) == ["update", "job", "stream", "certificate"]
    assert (printed["update"], printed["job"]) == ("u1", "AFR_OTA-u1")
    shown = info(cloud, "u1")
    assert (shown["targets"], shown["protocols"]) == (["thing/lock-1"], ["MQTT"])
    file = shown["otaUpdateFiles"][0]
    location = file["fileLocation"]["s3Location"]
    assert (location["bucket"], location["key"]) == (BUCKET, "u1/app 1.bin")
    assert "fileVersion" not in file
    document = document_of(cloud, "AFR_OTA-u1")
    assert document["streamname"] == printed["stream"]
    assert document["files"][0]["filepath"] == "app 1.bin"
    assert document["files"][0]["certfile"] == PROFILES[Sign.ECDSA].certificate_path
    assert document["files"][0]["sig-sha256-ecdsa"]
    with open(printed["certificate"]) as certificate:  # noqa: PTH123
        assert certificate.readline() == "-----BEGIN CERTIFICATE-----\n"


def test_the_name_of_an_update_comes_from_the_image_and_is_another_each_time(cloud: HttpCloud, firmware):
    names = {succeeded(cloud, firmware, "--target", "lock-1")["update"] for _ in range(2)}
    assert len(names) == 2
    assert all(re.fullmatch(r"app-1-[0-9a-f]{8}", name) for name in names)


@pytest.mark.parametrize("name", ["ä.bin", "x" * 100 + ".bin", "---", "..bin"])
def test_every_name_of_an_image_gives_an_id(cloud: HttpCloud, tmp_path, name: str):
    path = tmp_path / name
    path.write_bytes(IMAGE)
    succeeded(cloud, path, "--target", "lock-1", "--sign", "none")


def test_a_target_that_is_a_known_group_is_a_group_and_anything_else_a_thing(cloud: HttpCloud, firmware):
    cloud.ask("PUT", "/_ota/thing-groups/doors")
    arn = "arn:aws:iot:us-east-1:123456789012:thing/lock-2"
    options = ["--target", "doors", "--target", "lock:1", "--target", arn]
    printed = succeeded(cloud, firmware, *options)
    assert info(cloud, printed["update"])["targets"] == ["thinggroup/doors", "thing/lock:1", arn]


def test_over_http_there_is_no_stream_but_a_url_that_opens_the_image(cloud: HttpCloud, firmware):
    printed = succeeded(cloud, firmware, "--target", "lock-1", "--protocol", "http", "--sign", "rsa", "--id", "u1")
    assert list(printed) == ["update", "job", "certificate"]
    topic = topics.parse("$aws/things/lock-1/jobs/start-next")
    assert topic is not None
    answer = cloud.run(lambda: cloud.devices.answer(topic, b"{}", "lock-1", cloud.clock.wall()))
    file = json.loads(answer.replies[0].payload)["execution"]["jobDocument"]["afr_ota"]["files"][0]
    assert file["sig-sha256-rsa"]
    assert file["update_data_url"].startswith(cloud.base)
    got = cloud.ask("GET", file["update_data_url"][len(cloud.base) :], range="bytes=0-4095")
    assert (got.status, got.body) == (206, IMAGE[:4096])


def test_an_unsigned_update_has_no_certificate(cloud: HttpCloud, firmware):
    printed = succeeded(cloud, firmware, "--target", "lock-1", "--sign", "none")
    assert list(printed) == ["update", "job", "stream"]
    assert document_of(cloud, printed["job"])["files"][0]["certfile"] is None


@pytest.mark.parametrize("damage", list(Damage))
def test_a_signature_is_spoilt_on_request(cloud: HttpCloud, firmware, damage: Damage):
    printed = succeeded(cloud, firmware, "--target", "lock-1", "--damage", damage.value)
    assert info(cloud, printed["update"])["additionalParameters"] == {"ota-stream.damage": damage.value}
    good = succeeded(cloud, firmware, "--target", "lock-1")
    file = document_of(cloud, printed["job"])["files"][0]
    assert {key for key in file if key.startswith("sig-")} == {
        Damage.UNSIGNED: {"sig--"},
        Damage.WRONG_ALGORITHM: {"sig-sha1-rsa"},
    }.get(damage, {"sig-sha256-ecdsa"}), file
    assert document_of(cloud, good["job"])["files"][0]["sig-sha256-ecdsa"]


def test_the_version_is_noted_and_comes_from_the_image_by_default(cloud: HttpCloud, tmp_path):
    path = tmp_path / "marked.bin"
    path.write_bytes(IMAGE + b"OTA-VERSION:1.2.3")
    for options, version, warned in [([], "1.2.3", False), (["1.2.3"], "1.2.3", False), (["9.9.9"], "9.9.9", True)]:
        result = run(cloud, path, "--target", "t", *(["--version", *options] if options else []))
        assert result.exit_code == 0
        ota_update_id = result.stdout.split()[1]
        assert info(cloud, ota_update_id)["otaUpdateFiles"][0]["fileVersion"] == version
        assert ("the image says it is version 1.2.3" in result.stderr) is warned


def test_file_name_is_where_a_device_puts_it(cloud: HttpCloud, firmware):
    printed = succeeded(cloud, firmware, "--target", "t", "--file-name", "/firmware/app")
    assert document_of(cloud, printed["job"])["files"][0]["filepath"] == "/firmware/app"


# What goes wrong


def test_an_update_that_cannot_be_made_says_why(cloud: HttpCloud, tmp_path):
    large = tmp_path / "large.bin"
    large.write_bytes(bytes(17 * 1024 * 1024))  # more than the signing platform takes
    text = failure(cloud, large, "--target", "lock-1", "--id", "u1")
    assert text.startswith("OTA update u1 failed: InvalidRequestException: signing job")
    assert "16777216 at most" in text


def test_an_image_that_is_none_is_told_before_anything_is_sent(cloud: HttpCloud, tmp_path):
    empty, large = tmp_path / "empty.bin", tmp_path / "large.bin"
    empty.touch()
    with large.open("wb") as file:
        file.truncate(FILE_SIZE_MAX + 1)
    for path, why in [
        (tmp_path / "none.bin", "cannot be read: No such file or directory"),
        (tmp_path, "cannot be read: Is a directory"),
        (empty, f"an image has 1 to {FILE_SIZE_MAX} bytes"),
        (large, f"an image has 1 to {FILE_SIZE_MAX} bytes"),
    ]:
        assert failure(cloud, path, "--target", "t").endswith(why)
    assert not cloud.updates.list().updates


def test_a_damage_needs_a_signature(cloud: HttpCloud, firmware):
    text = failure(cloud, firmware, "--target", "t", "--sign", "none", "--damage", "corrupted")
    assert text == "--damage spoils a signature: it needs --sign ecdsa or --sign rsa"


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--target", "a b"], "InvalidRequestException: Target 'thing/a b'"),
        (["--target", ""], "InvalidRequestException: Target 'thing/'"),
        (["--target", "t", "--id", "a.b"], "InvalidRequestException: otaUpdateId"),
        (["--target", "t", "--id", "a/b"], "there is nothing at /_ota/updates/a/b"),
    ],
)
def test_what_the_simulator_refuses_is_one_line(cloud: HttpCloud, firmware, options: list[str], why: str):
    assert failure(cloud, firmware, *options).startswith(why)


def test_the_same_id_twice_is_one_line(cloud: HttpCloud, firmware):
    succeeded(cloud, firmware, "--target", "t", "--id", "u1")
    assert "exists already" in failure(cloud, firmware, "--target", "t", "--id", "u1")


def test_a_creation_that_does_not_end_is_not_waited_for_without_end(
    cloud: HttpCloud, firmware, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(update.__globals__, "PATIENCE", 0.0)
    cloud.works = False
    text = failure(cloud, firmware, "--target", "t", "--id", "u1")
    assert text == "OTA update u1 is CREATE_PENDING after 0 s: look at the simulator"


# Waiting


def test_wait_ends_well_when_every_thing_has_succeeded(cloud: HttpCloud, firmware):
    def devices() -> None:
        has_job(cloud, "lock-1", "lock-2")
        for thing in ("lock-1", "lock-2"):
            report(cloud, thing, "start-next")
            report(cloud, thing, "AFR_OTA-u1/update", status="IN_PROGRESS", statusDetails={"receive": "1/3"})
            details = {"self_test": "ready", "updatedBy": "0x90000"}
            report(cloud, thing, "AFR_OTA-u1/update", status="IN_PROGRESS", statusDetails=details)
            details = {"reason": "accepted  v0.9.1", "updatedBy": "  v0.9.0"}
            report(cloud, thing, "AFR_OTA-u1/update", status="SUCCEEDED", statusDetails=details)

    with meanwhile(devices):
        result = run(cloud, firmware, "--target", "lock-1", "--target", "lock-2", "--id", "u1", "--wait")
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[-2:] == [f"{thing}: SUCCEEDED: accepted v0.9.1" for thing in ("lock-1", "lock-2")]


def test_wait_ends_badly_when_one_thing_has_not_succeeded_and_says_why(cloud: HttpCloud, firmware):
    def devices() -> None:
        has_job(cloud, "lock-1", "lock-2")
        report(cloud, "lock-1", "AFR_OTA-u1/update", status="SUCCEEDED")
        details = {"reason": "0x000000e3: 0x00000000"}
        report(cloud, "lock-2", "AFR_OTA-u1/update", status="FAILED", statusDetails=details)

    with meanwhile(devices):
        result = run(cloud, firmware, "--target", "lock-1", "--target", "lock-2", "--id", "u1", "--wait")
    assert result.exit_code == 1
    assert result.stdout.splitlines()[-2:] == [
        "lock-1: SUCCEEDED",
        "lock-2: FAILED: signature check failed (0x000000e3: 0x00000000)",
    ]


class SteppingClient(ControlClient):
    """Lets a device take its next step before each look at the job."""

    def __init__(self, cloud: HttpCloud, *steps: Callable[[], object]) -> None:
        super().__init__(Endpoint(cloud.host, cloud.port))
        self._steps = iter(steps)

    def pages(self, *path: str, member: str):
        next(self._steps)()
        return super().pages(*path, member=member)


def steps_of(cloud: HttpCloud, *reports: dict[str, str]) -> list[Callable[[], object]]:
    """Return what lock-1 does: nothing, then it starts the job, then reports these details, then fails."""

    def tell(status: str, details: dict[str, str]) -> Callable[[], object]:
        return lambda: report(cloud, "lock-1", "AFR_OTA-u1/update", status=status, statusDetails=details)

    middle = [tell("IN_PROGRESS", details) for details in reports[:-1]]
    return [lambda: None, lambda: report(cloud, "lock-1", "start-next"), *middle, tell("FAILED", reports[-1])]


REPORTS = ({"receive": "1/3"}, {"self_test": "ready", "updatedBy": "0x1"}, {"own": "word"}, {"reason": "no [red]:x:"})


def test_waiting_shows_each_step_on_a_line_where_there_is_no_terminal(cloud: HttpCloud, firmware, capsys):
    succeeded(cloud, firmware, "--target", "lock-1", "--id", "u1")
    client = SteppingClient(cloud, *steps_of(cloud, *REPORTS))
    ended = watch.until_ended(client, "AFR_OTA-u1")
    assert ended == [Execution("lock-1", "FAILED", {"reason": "no [red]:x:"})]
    assert capsys.readouterr().err.splitlines() == [
        "lock-1: QUEUED",
        "lock-1: IN_PROGRESS",
        "lock-1: IN_PROGRESS 30%",
        "lock-1: IN_PROGRESS self test",
        "lock-1: IN_PROGRESS own word",
        "lock-1: FAILED no [red]:x:",  # what a device says is no markup
    ]


def test_waiting_draws_a_bar_for_each_thing_on_a_terminal(
    cloud: HttpCloud, firmware, capsys, monkeypatch: pytest.MonkeyPatch
):
    for name, value in {"FORCE_COLOR": "1", "TERM": "xterm", "COLUMNS": "120"}.items():
        monkeypatch.setenv(name, value)
    succeeded(cloud, firmware, "--target", "lock-1", "--id", "u1")
    watch.until_ended(SteppingClient(cloud, *steps_of(cloud, *REPORTS)), "AFR_OTA-u1")
    shown = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", capsys.readouterr().err)
    assert re.search(r"lock-1 [━╺]+ *FAILED no \[red\]:x:", shown)


def test_many_things_have_one_bar_for_the_rest(cloud: HttpCloud, firmware, capsys, monkeypatch: pytest.MonkeyPatch):
    for name, value in {"FORCE_COLOR": "1", "TERM": "xterm", "COLUMNS": "120", "LINES": "50"}.items():
        monkeypatch.setenv(name, value)
    targets = [option for number in range(30) for option in ("--target", f"t{number}")]
    succeeded(cloud, firmware, *targets, "--id", "u1")

    def cancel() -> None:
        cloud.ask("PUT", "/_ota/jobs/AFR_OTA-u1/cancel")

    ended = watch.until_ended(SteppingClient(cloud, cancel), "AFR_OTA-u1")
    assert {one.status for one in ended} == {"CANCELED"}
    shown = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", capsys.readouterr().err)
    assert "30 of 30 have ended" in shown
    assert "t19 " in shown
    assert "t20 " not in shown


def test_a_job_that_is_deleted_is_not_waited_for(cloud: HttpCloud, firmware):
    succeeded(cloud, firmware, "--target", "lock-1", "--id", "u1")
    client = SteppingClient(cloud, lambda: cloud.ask("DELETE", "/_ota/jobs/AFR_OTA-u1?force"))
    with pytest.raises(watch.JobGone, match="AFR_OTA-u1 is being deleted"):
        watch.until_ended(client, "AFR_OTA-u1")


def test_an_empty_group_is_no_success(cloud: HttpCloud, firmware):
    cloud.ask("PUT", "/_ota/thing-groups/doors")
    result = run(cloud, firmware, "--target", "doors", "--wait")
    assert result.exit_code == 1
    assert "no thing got the update" in result.stderr
