"""The HTTP port of a simulator: presigned downloads, the operator's calls, and the AWS API with what it keeps."""

import asyncio
import ssl
from collections.abc import Callable, Collection, Sequence
from typing import Final

from starlette.routing import Route
from starlette.types import ASGIApp

from ota_broker.front.metering.meter import Meter
from ota_broker.front.notices import Notices
from ota_broker.services import Services
from ota_stream.api import minting
from ota_stream.api.app import create_app
from ota_stream.api.aws.gateway import Gateway
from ota_stream.api.bad_line import Line
from ota_stream.api.guard import LocalOnly
from ota_stream.api.minting import MotoRegistry
from ota_stream.api.server import HttpError, HttpServer
from ota_stream.stores.errors import StoreError

PORT: Final = 4566  # what people's scripts expect of a local cloud
HTTPS_PORT: Final = 8443  # MS-2
KEEP_EVERY: Final = 2.0  # seconds; what moto has changed since is lost when the process is killed


class HttpDoor:
    """Opens the port at once, for presigned URLs carry it: `port`, 0 for any, None for the usual one or any.

    Raises:
        HttpError: one line that says why the port cannot be opened.
    """

    def __init__(self, host: str, port: int | None, notices: Notices, now: Callable[[], float]) -> None:
        self._server = _open(host, port, PORT)
        self._by_tls: HttpServer | None = None
        self._app: ASGIApp | None = None
        self.host, self.port, self.base = self._server.host, self._server.port, self._server.base
        self._notices = notices
        self._now = now
        self._keep_at = now() + KEEP_EVERY
        self._keeping: asyncio.Task[None] | None = None
        self._readying: asyncio.Task[None] | None = None
        self._gateway: Gateway | None = None

    async def serve(  # noqa: PLR0913 - what the simulator puts together
        self,
        services: Services,
        names: Collection[str],
        rights_changed: Callable[[], None],
        meter: Meter,
        web: Callable[[ASGIApp], ASGIApp],
        *,
        more: Sequence[Route] = (),
        line: Line | None = None,
    ) -> None:
        """Begin to answer. `names` are the hosts it may be called by besides this machine's own (A18).

        `web` takes WebSockets, and leaves requests to the application that it is given; `more` is under `/_ota`,
        and `line` has the faults in the way of downloads.
        """
        cloud, rest = services.cloud, services.rest
        registry = None if rest.state is None else MotoRegistry(self.load, rest.state.touch, rights_changed)
        app = create_app(cloud, meter.shown, [*minting.routes(cloud, registry), *more], line)
        self._gateway = Gateway(cloud, app, rest.backend, rest.state, rights_changed, allows=meter.call)
        if rest.state is not None and not rest.state.is_new:  # it was used before, and will be again
            self._readying = asyncio.create_task(self._gateway.get_ready())
        self._app = LocalOnly(web(self._gateway), names)
        await self._server.serve(self._app)

    async def serve_tls(self, port: int | None, context: ssl.SSLContext) -> tuple[str, int]:
        """Answer by TLS too, without asking for certificates, and return where. Call it after `serve`.

        Raises:
            HttpError: one line that says why the port cannot be opened.
        """
        self._by_tls = _open(self.host, port, HTTPS_PORT)
        if self._app is not None:
            await self._by_tls.serve(self._app, context)
        return self._by_tls.host, self._by_tls.port

    async def load(self) -> None:
        """Have moto know what it has kept: half a second of a thread, the first time."""
        if self._gateway is not None:
            await self._gateway.load()

    def tick(self) -> None:
        """Have moto's state written now and then."""
        if self._gateway is None or self._now() < self._keep_at or not (self._keeping is None or self._keeping.done()):
            return
        self._keep_at = self._now() + KEEP_EVERY
        if self._gateway.has_news:
            self._keeping = asyncio.create_task(self._keep(self._gateway))

    async def close(self) -> None:
        """Close the port, let the answers under way end, and write what moto has."""
        if self._gateway is not None:
            self._gateway.end_streams()
        for server in (self._server, self._by_tls):
            if server is not None:
                await server.stop()
        if self._gateway is None:
            return
        for task in (self._readying, self._keeping):
            if task is not None:
                await task
        await self._keep(self._gateway)
        self._gateway.close()

    async def _keep(self, gateway: Gateway) -> None:
        try:
            await gateway.keep()
        except StoreError as error:
            self._notices.say("state", str(error))


def _open(host: str, port: int | None, usual: int) -> HttpServer:
    if port is not None:
        return HttpServer(host, port)
    try:
        return HttpServer(host, usual)
    except HttpError:  # another simulator has it; where this one is, the ready line and the data directory tell
        return HttpServer(host, 0)
