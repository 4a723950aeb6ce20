"""`ota-stream diagnose` tells what a running simulator has found, once, as it comes, and as JSON."""

import json
from pathlib import Path

from images import image_bytes
from live import RawClient
from processes import CLI, Process, cli, cli_here, serve

TOPIC = "$aws/things/lock-7/streams/fw/get/json"


def test_what_is_wrong_with_a_device_is_told(tmp_path: Path):
    firmware, data_dir = tmp_path / "app.bin", tmp_path / "data"
    firmware.write_bytes(image_bytes(60_000))
    with serve(firmware, data_dir) as process, RawClient(process.address) as client:
        nobody = cli_here("diagnose", "--data-dir", data_dir)
        assert nobody.stderr == "nothing found: no device has asked for anything yet\n"
        fetched = cli("fetch", "fw", "--port", str(process.port), "-o", tmp_path / "copy.bin")
        assert fetched.returncode == 0, fetched.stderr
        quiet = cli_here("diagnose", "--data-dir", data_dir)
        assert (quiet.returncode, quiet.stdout, quiet.stderr) == (0, "", "nothing found\n")
        client.connect("lock-7")
        client.publish(TOPIC, b'{"f":0,"l":4096,"o":15,"n":1}')
        client.until_ping()
        told = cli_here("diagnose", "--data-dir", data_dir, "--thing", "lock-7").stdout
        assert "lock-7: blocks past the end of the file only  [block-beyond-file, SB-4]" in told
        assert "rejected-unheard" in told, "it did not subscribe to hear it"
        nobody = cli_here("diagnose", "--data-dir", data_dir, "--thing", "lock-8")
        assert (nobody.returncode, nobody.stdout) == (0, "")
        assert nobody.stderr.startswith("nothing was heard of 'lock-8': is it connected,")
        client.subscribe("$aws/things/lock-7/streams/+/rejected/+")
        with Process(*CLI, "diagnose", "--data-dir", data_dir, "--follow", "--json") as follower:
            assert json.loads(follower.first_line)["kind"] == "block-beyond-file"
            client.publish(TOPIC.replace("get", "fetch"), b"{}")
            client.until_ping()
            assert follower.popen.stdout is not None
            kinds = [json.loads(follower.popen.stdout.readline())["kind"] for _ in range(2)]
            assert kinds == ["rejected-unheard", "wrong-topic"]
            follower.kill()
        assert process.stop() == 0


def test_a_healthy_device_has_no_finding_and_a_failed_one_has_its_reason_in_words(tmp_path: Path):
    firmware, data_dir = tmp_path / "app.bin", tmp_path / "data"
    firmware.write_bytes(image_bytes(60_000))

    def update(*more: str) -> str:
        made = cli_here("update", firmware, "--target", "lock-1", "--data-dir", data_dir, *more)
        assert made.returncode == 0, made.stderr
        return dict(line.split(maxsplit=1) for line in made.stdout.splitlines())["certificate"]

    def device(certificate: str) -> int:
        flash = ["--flash", tmp_path / "flash", "--ca", certificate, "--once"]
        return cli("device", "--thing", "lock-1", "--port", str(simulator.port), *flash).returncode

    with serve(firmware, data_dir) as simulator:
        assert device(update()) == 0
        assert cli_here("diagnose", "--data-dir", data_dir).stderr == "nothing found\n"
        assert device(update("--damage", "wrong-key")) == 1
        (line,) = cli_here("diagnose", "--json", "--data-dir", data_dir).stdout.splitlines()
        finding = json.loads(line)
        assert (finding["thing"], finding["kind"]) == ("lock-1", "numeric-reason")
        assert "signature check failed" in finding["seen"]


def test_what_was_not_looked_at_is_told(tmp_path: Path):
    firmware, data_dir = tmp_path / "app.bin", tmp_path / "data"
    firmware.write_bytes(image_bytes(1000))
    with serve(firmware, data_dir, "--diagnose", "1") as process, RawClient(process.address) as client:
        client.connect("lock-7")
        for topic in (TOPIC, TOPIC.replace("lock-7", "lock-8")):
            client.publish(topic, b'{"f":0,"l":512,"n":1}')
        client.until_ping()
        told = cli_here("diagnose", "--data-dir", data_dir)
    assert told.stderr.startswith("1 messages of other things were not looked at; 1 things are watched at a time: ")


def test_who_does_not_listen_says_so(tmp_path: Path):
    firmware, data_dir = tmp_path / "app.bin", tmp_path / "data"
    firmware.write_bytes(image_bytes(1000))
    with serve(firmware, data_dir, "--diagnose", "0"):
        told = cli_here("diagnose", "--data-dir", data_dir)
    assert told.returncode == 1
    assert "nobody listens: start it without ota-stream serve --diagnose 0" in told.stderr
    assert "Traceback" not in told.stderr
