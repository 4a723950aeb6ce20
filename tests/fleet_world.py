"""Fleets for tests: a real front door, the engine in the test's own loop, and a broker that misbehaves."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from msgspec.structs import replace

from device_world import ecdsa
from images import MemoryImage, image_bytes
from live import Server
from ota_device.download import DownloadOptions
from ota_device.fleet.engine import Fleet, Give, Plan
from ota_device.fleet.job_work import JobWork, Keys
from ota_device.fleet.site import Target
from ota_device.fleet.stream_work import Errand, StreamWork
from ota_device.fleet.traits import Traits
from ota_device.verify import Certificates

STREAM = "fw"
IMAGE = image_bytes(40_000)
SHELF = {STREAM: {0: MemoryImage(IMAGE)}}
OTHER = "another signer"


def traits(count: int = 5, **changes: Any) -> Traits:
    """Return a class of things that are quick about everything."""
    quick = Traits(count=count, ramp=10_000.0, reboot=0.01, download=DownloadOptions(retry_after=0.3))
    return replace(quick, **changes)


def downloads(stream_id: str = STREAM, **errand: Any) -> Callable[[Fleet], Give]:
    """Give every thing a stream to download."""
    work = Errand(stream_id, **errand)
    return lambda _: lambda thing: StreamWork(thing, work)


def jobs() -> Callable[[Fleet], Give]:
    """Give every thing the job that comes."""
    keys = Keys(Certificates(anything=ecdsa().pem), Certificates(), Certificates(anything=ecdsa(OTHER).pem))
    return lambda _: lambda thing: JobWork(thing, keys)


def fleet(
    server: Server | tuple[str, int], *classes: Traits, give: Callable[[Fleet], Give] | None = None, **how: Any
) -> Fleet:
    """Return a fleet that is ready to run."""
    host, port = server if isinstance(server, tuple) else (server.host, server.port)
    target = replace(Target(host, port), **how.pop("target", {}))
    return Fleet(Plan(classes or (traits(),), **{"limit": 30.0, "seed": 1, **how}), target, give or downloads())


async def run(*arguments: Any, **how: Any) -> Fleet:
    """Run a fleet to its end."""
    made = fleet(*arguments, **how)
    await made.run()
    return made


async def until(condition: Callable[[], object]) -> None:
    """Poll until something is true, with a deadline."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - what it waits for has no event
            await asyncio.sleep(0.005)


@asynccontextmanager
async def broker(answer: Callable[[bytes], bytes | None]) -> AsyncIterator[tuple[str, int]]:
    """Listen, and answer whatever comes with what `answer` returns; None closes the connection."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(4096):
                said = answer(data)
                if said is None:
                    break
                writer.write(said)
        except ConnectionError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()
