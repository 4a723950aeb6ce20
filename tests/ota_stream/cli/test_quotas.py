"""`ota-stream quotas` shows what a running simulator has counted, and `serve --quotas` says how it counts."""

import json
from pathlib import Path

from images import image_bytes
from live import RawClient, wait_until
from processes import cli, cli_here, serve


def test_what_was_too_much_is_shown(tmp_path: Path):
    firmware = tmp_path / "app.bin"
    firmware.write_bytes(image_bytes(1000))
    data_dir = tmp_path / "data"
    with serve(firmware, data_dir, "--quotas", "count") as process, RawClient(process.address) as client:
        client.connect("d")
        client.subscribe(*(f"t/{number}" for number in range(9)))

        def shown() -> str:
            return cli_here("quotas", "--data-dir", data_dir).stdout

        (row,) = [line for line in shown().splitlines() if line.startswith("filters_per_subscribe")]
        assert row.split() == [
            "filters_per_subscribe",
            "Q-24",
            "8",
            "filters",
            "in",
            "a",
            "SUBSCRIBE",
            "connection",
            "count",
            "1",
        ]
        for _ in range(250):  # more than two seconds allow
            client.publish("u", b"x")
        client.until_ping()

        def publishes() -> int:
            answer = json.loads(cli_here("quotas", "--json", "--data-dir", data_dir).stdout)
            return answer["quotas"][0]["excess"]

        wait_until(publishes, "messages that are too many")
        assert process.stop() == 0
    assert "quota Q-24: d at 127.0.0.1:" in process.err
    assert "AWS would have discarded them" in process.err


def test_a_bad_setting_is_one_clear_line(tmp_path: Path):
    ended = cli("serve", "--quotas", tmp_path / "none.yaml")
    assert ended.returncode == 1
    assert ended.stderr.count("\n") == 1
    assert "use aws | count | off, or a YAML file" in ended.stderr
