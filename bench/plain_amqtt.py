"""amqtt as it is, with the smallest plugin that answers GetStream: run as `plain_amqtt.py IMAGE RECORDS`.

amqtt ends its work for a client that publishes to a topic beginning with `$`, so one method is overridden.
"""

import asyncio
import json
import logging
import sys
import time
from pathlib import Path

import uvloop
from amqtt.broker import Broker
from amqtt.plugins.base import BasePlugin

from ota_stream.logs.entries import EntryWriter
from ota_stream.stores.files import FirmwareFile
from ota_stream.streams import topics
from ota_stream.streams.catalog import Catalog
from ota_stream.streams.service import StreamService
from served import STREAM_ID


class Answering(BasePlugin):
    """Answers GetStream when the broker tells of a message."""

    def __init__(self, context) -> None:  # noqa: ANN001 - amqtt's
        super().__init__(context)
        catalog = Catalog()
        catalog.put(STREAM_ID, {0: FirmwareFile(Path(sys.argv[1]))})
        self._service = StreamService(catalog)
        self._entries = EntryWriter()
        self._records = Path(sys.argv[2]).open("ab", buffering=0)  # noqa: SIM115 - for the life of the process

    async def on_broker_message_received(self, *, client_id: str, message) -> None:  # noqa: ANN001 - amqtt's
        """Answer a request; all else is somebody's business."""
        topic = topics.parse(message.topic)
        if topic is None:
            return
        answer = self._service.answer(topic, bytes(message.data), client_id, time.time())
        self._records.write(self._entries.entry(answer.record) + b"\n")
        for reply in answer.replies:
            await self.context.broadcast_message(reply.topic, reply.payload)


class Tolerant(Broker):
    """amqtt's broker, which goes on with a client that published to a reserved topic."""

    async def _handle_message_delivery(self, client_session, handler, wait_deliver) -> bool:  # noqa: ANN001 - amqtt's
        await super()._handle_message_delivery(client_session, handler, wait_deliver)
        return True


async def _main() -> None:
    logging.disable(logging.WARNING)  # a warning a request
    broker = Tolerant(
        {
            "listeners": {"default": {"type": "tcp", "bind": "127.0.0.1:0"}},
            "plugins": {
                "amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True},
                f"{__name__}.{Answering.__qualname__}": {},
            },
        }
    )
    await broker.start()
    (server,) = (each.instance for each in broker._servers.values())  # noqa: SLF001 - it tells its port nowhere else
    print(json.dumps({"port": server.sockets[0].getsockname()[1]}), flush=True)  # noqa: T201 - what it is asked for
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(_main())
