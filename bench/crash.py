"""Kills the simulator again and again while devices download, and checks that nothing acknowledged was lost."""

import argparse
import asyncio
import json
import random
import sqlite3
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

from crash_device import Device, Tally
from ota_stream.cli.control_client import connect
from ota_stream.logs import groups
from ota_stream.logs.events import Wanted
from ota_stream.stores.log_events import FOREVER, StoredEvents
from served import Simulator

UPDATE_ID = "u1"
IMAGE = random.Random(1).randbytes(96 * 1024)  # noqa: S311 - the same in every run
PATIENCE = 120.0  # seconds until all devices must be done


class Broken(AssertionError):
    """A promise that was not kept."""


def executions(data: Path) -> dict[str, dict[str, Any]]:
    """Return the executions of the update's job by thing."""
    job = connect(data, None).get("updates", UPDATE_ID)["otaUpdateInfo"]["awsIotJobId"]
    found = connect(data, None).pages("jobs", job, member="executions")["executions"]
    return {each["thingName"]: each for each in found}


def check_state(data: Path, tally: Tally) -> None:
    """Raise Broken when an execution is older than what its device was told."""
    told = dict(tally.versions)
    now = executions(data)
    for thing, version in told.items():
        if now[thing]["versionNumber"] < version:
            raise Broken(f"{thing} was told version {version}, and there is {now[thing]['versionNumber']}")


def entries(data: Path) -> Iterator[dict[str, Any]]:
    """Yield the records."""
    with closing(StoredEvents(data)) as events:
        for event in events.read(groups.REAL, Wanted(start=0, end=FOREVER)):
            yield json.loads(event.message)


def check_records(data: Path, tally: Tally) -> int:
    """Raise Broken when an answered request has no record, or more than one. Returns how many were answered."""
    tokens, versions = Counter[str](), set[tuple[str, int]]()
    for entry in entries(data):
        if entry.get("actionType") == "GetStream":
            tokens[entry["clientToken"]] += 1
        elif entry.get("eventType") == "UpdateJobExecution" and entry["status"] == "Success":
            versions.add((entry["clientId"], int(entry["versionNumber"])))
    if lost := tally.answered - tokens.keys():
        raise Broken(f"{len(lost)} answered requests have no record, such as {min(lost)}")
    if lost_versions := tally.updated - versions:
        raise Broken(f"{len(lost_versions)} acknowledged updates have no record, such as {min(lost_versions)}")
    if twice := [token for token, count in tokens.items() if count > 1]:
        raise Broken(f"{len(twice)} requests have several records, such as {min(twice)}")
    return len(tally.answered) + len(tally.updated)


def check_stores(data: Path) -> int:
    """Raise Broken when a database is damaged. Returns how many there are."""
    stores = [path for path in data.rglob("*") if path.is_file() and path.read_bytes()[:15] == b"SQLite format 3"]
    for path in stores:
        with closing(sqlite3.connect(path)) as database:
            if (said := database.execute("PRAGMA integrity_check").fetchone()[0]) != "ok":
                raise Broken(f"{path.name}: {said}")
    return len(stores)


async def run(folder: Path, count: int, kills: int, seed: int) -> str:
    """Let `count` devices take an update through `kills` kills. Returns what was seen. Raises Broken."""
    chance = random.Random(seed)  # noqa: S311 - when to kill
    data = folder / "data"
    with ExitStack() as lives:
        simulator = lives.enter_context(Simulator(folder))
        names = [f"dev-{number}" for number in range(count)]
        stream_id = await asyncio.to_thread(_update, data, names)
        tally = Tally()
        devices = [Device(name, simulator.mqtt_port, stream_id, len(IMAGE), tally) for name in names]
        tasks = [asyncio.create_task(device.run()) for device in devices]
        for number in range(kills):
            due = count * devices[0].requests * (number + chance.random()) / kills
            while len(tally.answered) < due:
                await asyncio.sleep(0.001)
            simulator.kill()
            starting = asyncio.to_thread(Simulator, folder, mqtt_port=simulator.mqtt_port)
            simulator = lives.enter_context(await starting)
            await asyncio.to_thread(check_state, data, tally)
        await asyncio.wait_for(asyncio.gather(*tasks), PATIENCE)
        if wrong := [device.name for device in devices if device.image != IMAGE]:
            raise Broken(f"{len(wrong)} devices have another image, such as {wrong[0]}")
        check_state(data, tally)
        if behind := [thing for thing, each in executions(data).items() if each["status"] != "SUCCEEDED"]:
            raise Broken(f"{len(behind)} executions have not succeeded, such as {behind[0]}")
    answered, stores = check_records(data, tally), check_stores(data)
    return (
        f"{count} devices complete in {kills + 1} lives: {answered} acknowledgements, each with its one record; "
        f"{tally.lost} connections lost; {stores} databases whole"
    )


def _update(data: Path, names: list[str]) -> str:
    """Make an OTA update for things, and return the id of its stream."""
    client = connect(data, None)
    file = {"fileName": "app.bin", "fileLocation": {"s3Location": client.put_object("crash", "app.bin", IMAGE)}}
    role = "arn:aws:iam::123456789012:role/ota"
    client.post(
        "updates", UPDATE_ID, body={"targets": [f"thing/{name}" for name in names], "files": [file], "roleArn": role}
    )
    until = time.monotonic() + PATIENCE
    while (made := client.get("updates", UPDATE_ID))["otaUpdateInfo"]["otaUpdateStatus"] != "CREATE_COMPLETE":
        if time.monotonic() > until:
            raise Broken(f"the update is not made: {made}")
        time.sleep(0.02)
    return str(made["streamId"])


def main() -> None:
    """Run and say what was seen, or what was broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--devices", type=int, default=200)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=None, help="when to kill  [default: another each time]")
    arguments = parser.parse_args()
    seed = random.randrange(1 << 32) if arguments.seed is None else arguments.seed  # noqa: S311 - no secret
    print(f"seed {seed}")  # noqa: T201 - so that it can be repeated
    with tempfile.TemporaryDirectory() as folder:
        print(asyncio.run(run(Path(folder), arguments.devices, arguments.kills, seed)))  # noqa: T201 - the answer


if __name__ == "__main__":
    main()
