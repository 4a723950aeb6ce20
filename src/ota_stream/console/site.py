"""The console's pages under `/_ota/`: which there are, what is drawn, what moves, and what their forms do."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from importlib import resources
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

import msgspec
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from ota_stream.api.calls import JSON_MAX, Call, read
from ota_stream.console import clock, faults, fleet, forms, logs, orders, requests, settings, streams, things, updates
from ota_stream.console.drawing import draw, part
from ota_stream.console.forms import Form
from ota_stream.console.live import Live
from ota_stream.console.login import Endpoint, guarded
from ota_stream.console.outlook import Outlook
from ota_stream.errors import ControlError, OtaStreamError

ROOT: Final = "/_ota/console"
HOME: Final = "updates"

Read = Callable[[Outlook, Call], dict[str, Any]]
"""What a page shows, which is its JSON twin too."""

Act = Callable[[Outlook, str, Form], Awaitable[str]]
"""What a form does, about the id of its path: the page to go on with. Raises OtaStreamError."""


class Page(NamedTuple):
    """A page: its path and name, its template (and that of the part that moves), and what it shows."""

    path: str
    title: str
    template: str
    read: Read


class Deed(NamedTuple):
    """A form: where it is sent to, what it does, the page that shows what was wrong, and whether it has an image."""

    path: str
    act: Act
    page: str
    image: bool = False


PAGES: Final[tuple[Page, ...]] = (
    Page("settings", "Settings", "settings", settings.shown),
    Page("settings/edit", "Settings", "settings_edit", settings.edited),
    Page("logs", "Logs", "logs", logs.shown),
    Page("logs/{id}", "Log group", "log_group", logs.group),
    Page("updates", "OTA updates", "updates", updates.shown),
    Page("updates/{id}", "OTA update", "update", updates.update),
    Page("streams", "Streams", "streams", streams.shown),
    Page("streams/{id}", "Stream", "stream", streams.stream),
    Page("things", "Things", "things", things.shown),
    Page("things/{id}", "Thing", "thing", things.thing),
    Page("requests", "Requests", "requests", requests.shown),
    Page("faults", "Faults", "faults", faults.shown),
    Page("clock", "Clock", "clock", clock.shown),
    Page("fleet", "Fleet", "fleet", fleet.shown),
)
DEEDS: Final[tuple[Deed, ...]] = (
    Deed("settings/edit", settings.update, "settings/edit"),
    Deed("updates", orders.create, "updates", image=True),
    Deed("updates/{id}/cancel", orders.cancel, "updates/{id}"),
    Deed("updates/{id}/delete", orders.delete, "updates/{id}"),
    Deed("faults", faults.add, "faults"),
    Deed("faults/{id}/remove", faults.remove, "faults"),
    Deed("faults/clear", faults.clear, "faults"),
    Deed("clock/pace", clock.run, "clock"),
    Deed("clock/step", clock.step, "clock"),
)
STATIC: Final = {
    "htmx.min.js": "text/javascript",
    "htmx-sse.min.js": "text/javascript",
    "console.js": "text/javascript",
    "pico.min.css": "text/css",
    "console.css": "text/css",
}
HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}
STILL_FOR: Final = 600.0  # seconds for which a page that does not move counts as looked at
SIGN_EVERY: Final = 15  # seconds between two comments: who is gone shows when it is written to
_QUERIES: Final = ("name", "thing", "pattern", "since", "highlight")  # what a page looks for
_BY_PATH: Final = {page.path: page for page in PAGES}


class _Pictures(EventSourceResponse):
    """Pictures as server-sent events, until there are no more or nobody is there.

    Its library would watch for the end of a server that has the process's signals, which ours never has, in a task that
    stays in the loop: that may be somebody else's, amqtt's for one.
    """

    async def _listen_for_exit_signal_with_grace(self) -> None:
        await asyncio.Event().wait()


class Console:
    """Answers for the pages. Close it before the server stops. `token`: what one has to bring, None for nothing."""

    def __init__(self, outlook: Outlook, token: str | None = None) -> None:
        self._outlook = outlook
        self._token = token
        self._live = Live()
        self._still_at: float | None = None  # monotonic seconds: the last look at what does not move

    def routes(self) -> list[Route]:
        """Return the routes under `/_ota`."""
        found = [
            self._route("GET", "/", _go_home),
            Route("/console/static/{file}", _static, methods=["GET"]),
            Route("/fleets/{id}", self._hear_fleet, methods=["PUT"]),
        ]
        for page in PAGES:
            path = _path(page.path)
            found += [
                self._route("GET", f"{path}.json", partial(self._twin, page)),
                self._route("GET", f"{path}/live", partial(self._moving, page)),
                self._route("GET", path, partial(self._shown, page)),
            ]
        return found + [self._route("POST", _path(deed.path), partial(self._done, deed)) for deed in DEEDS]

    def _route(self, method: str, path: str, endpoint: Endpoint) -> Route:
        return Route(path, guarded(endpoint, self._token), methods=[method])

    def close(self) -> None:
        """End what has no end."""
        self._live.close()

    def is_looked_at(self) -> bool:
        """Tell whether somebody looks: a page that moves is open, or one that does not was read not long ago."""
        still = self._still_at is not None and self._now() - self._still_at < STILL_FOR
        return still or self._live.lookers > 0

    def _now(self) -> float:
        return self._outlook.cloud.clock.monotonic()

    async def _twin(self, page: Page, request: Request) -> Response:
        content = page.read(self._outlook, await read(request, JSON_MAX))
        self._still_at = self._now()
        return Response(msgspec.json.encode(content), media_type="application/json", headers=HEADERS)

    async def _shown(self, page: Page, request: Request) -> Response:
        call = await read(request, JSON_MAX)
        try:
            answer = self._page(page, call)
        except ControlError as error:
            return _trouble(error)
        if _is_still(call):
            self._still_at = self._now()
        return answer

    async def _moving(self, page: Page, request: Request) -> Response:
        call = await read(request, JSON_MAX)
        self._live.make_room()
        page.read(self._outlook, call)  # what is not there is an answer, not a stream

        def picture() -> bytes:
            drawn = draw(f"live/{page.template}.html", {"page": page.read(self._outlook, call), "root": ROOT})
            return ServerSentEvent(drawn, event="picture").encode()

        name = f"{page.path} {call.path.get('id')} {_query(call)}"
        return _Pictures(self._live.pictures(name, picture), headers=HEADERS, ping=SIGN_EVERY)

    async def _done(self, deed: Deed, request: Request) -> Response:
        form, about = Form({}), request.path_params.get("id", "")
        try:
            form = await forms.read(request, image=deed.image)
            return RedirectResponse(f"{ROOT}/{await deed.act(self._outlook, about, form)}", 303)
        except OtaStreamError as error:
            call = Call({"id": about}, {}, "", b"")
            status = error.status if isinstance(error, ControlError) else 400
            try:
                return self._page(_BY_PATH[deed.page], call, error=_said(error), entered=form.texts, status=status)
            except ControlError:  # what it was about is not there
                return _trouble(ControlError("", status, _said(error)))

    def _page(
        self,
        page: Page,
        call: Call,
        *,
        error: str = "",
        entered: Mapping[str, str] | None = None,
        status: int = 200,
    ) -> Response:
        path, query = page.path.replace("{id}", part(call.path.get("id", ""))), _query(call)
        content = {
            **_frame(page.title, page.path.partition("/")[0]),
            "page": page.read(self._outlook, call),
            "query": {name: call.query.get(name, "") for name in _QUERIES},
            "address": f"{ROOT}/{path}",
            "encoded": query,
            "live": None if _is_still(call) else f"{ROOT}/{path}/live?{query}",
            "part": f"live/{page.template}.html",
            "error": error,
            "entered": entered or {},
        }
        return _html(draw(f"{page.template}.html", content), status)

    async def _hear_fleet(self, request: Request) -> Response:
        call = await read(request, JSON_MAX)
        call.must_be("application/json")  # which no form of a web page can say (A17)
        self._outlook.fleets.tell(call.path["id"], call.body)
        return Response(b"{}", media_type="application/json")


def _path(path: str) -> str:
    return "/console/" + path.replace("{id}", "{id:path}")  # a client id may have slashes


async def _go_home(_: Request) -> Response:
    return RedirectResponse(f"{ROOT}/{HOME}")


async def _static(request: Request) -> Response:
    name = request.path_params["file"]
    if name not in STATIC:
        raise ControlError("ResourceNotFoundException", 404, f"there is no file {name[:40]!r}")
    content = resources.files("ota_stream.console").joinpath("static", name).read_bytes()
    return Response(content, media_type=STATIC[name], headers={**HEADERS, "Cache-Control": "max-age=3600"})


def _frame(title: str, here: str) -> dict[str, Any]:
    named = [page for page in PAGES if "{" not in page.path and "/" not in page.path]
    return {"title": title, "here": here, "pages": named, "root": ROOT, "token": forms.TOKEN}


def _said(error: OtaStreamError) -> str:
    return error.message if isinstance(error, ControlError) else str(error)


def _trouble(error: ControlError) -> Response:
    return _html(draw("error.html", {**_frame("Not possible", ""), "error": error.message}), error.status)


def _html(text: str, status: int = 200) -> Response:
    return Response(text, status, HEADERS, "text/html")


def _is_still(call: Call) -> bool:
    return call.query.get("live") == "off"


def _query(call: Call) -> str:
    return urlencode({name: call.query[name] for name in _QUERIES if call.query.get(name)})
