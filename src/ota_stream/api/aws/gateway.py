"""The door for SDKs and the command line of AWS: which service and operation a request asks, and who answers it."""

import asyncio
import gc
import logging
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from ota_stream.api.aws import s3_checks, wire
from ota_stream.api.aws import scope as scopes
from ota_stream.api.aws.backend import NOBODY, Backend, Elsewhere, Got, Sent, not_implemented
from ota_stream.api.aws.clouded import AwsOperated
from ota_stream.api.aws.given import Given
from ota_stream.api.aws.moto.state import MotoState
from ota_stream.errors import ControlError, OtaStreamError

if TYPE_CHECKING:
    from ota_stream.api.aws.model import Asked
    from ota_stream.api.aws.operations import Passed

logger: Final = logging.getLogger(__name__)

UPLOAD_MAX: Final = 256 * 1024 * 1024  # bytes to S3
BODY_MAX: Final = 2 * 1024 * 1024  # bytes to any other service
_BODY_MAX: Final = {"s3": UPLOAD_MAX, "logs": 8 * 1024 * 1024}  # a megabyte of log events is more as JSON


class Gateway:
    """Answers what is signed for AWS, and leaves everything else to `otherwise`.

    `state` is moto's, None where another endpoint is in its place. `rights_changed` is called, on the loop, after every
    request that may have changed a role, a certificate or a policy. `allows` tells whether an operation is within its
    quota.
    """

    def __init__(  # noqa: PLR0913 - the one place where the gateway is put together
        self,
        cloud: AwsOperated,
        otherwise: ASGIApp,
        backend: Backend,
        state: MotoState | None,
        rights_changed: Callable[[], None],
        *,
        allows: Callable[[str], bool] = lambda _: True,
    ) -> None:
        self._cloud = cloud
        self._otherwise = otherwise
        self._backend = backend
        self._state = state
        self._rights_changed = rights_changed
        self._allows = allows
        self._aside = ThreadPoolExecutor(1, "aws-backend")  # moto is not made for two calls at once

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._otherwise(scope, receive, send)
            return
        request = Request(scope, receive)
        service = ""
        try:
            query = request.scope["query_string"].decode("latin-1")
            found = scopes.read(", ".join(request.headers.getlist("authorization")), query)
            if found is None:
                await self._otherwise(scope, receive, send)
                return
            service = found.service
            response = await self._answer(found, request)
        except ClientDisconnect:
            return
        except ControlError as error:
            response = wire.refusal(service, error)
        except OtaStreamError as error:
            logger.error("a call of the AWS API has failed: %s", error)  # noqa: TRY400 - told in one line
            response = wire.refusal(service, ControlError("InternalFailureException", 500, str(error)))
        except Exception as error:
            logger.exception("a call of the AWS API has failed")
            told = f"{type(error).__name__}, a fault of ota-stream: its log has the traceback"
            response = wire.refusal(service, ControlError("InternalFailureException", 500, told))
        await response(scope, receive, send)

    @property
    def has_news(self) -> bool:
        """Whether moto may have changed since it was last kept."""
        return self._state is not None and self._state.touched

    async def keep(self) -> None:
        """Write what moto has when it has changed. Call it every few seconds and before `close`. Raises StoreError."""
        if self._state is not None and self._state.touched:
            await self._run(self._state.save)

    async def _run(self, work: Callable[[], Any]) -> Any:  # noqa: ANN401 - what `work` returns
        """Do something with moto in the thread that is moto's."""
        return await asyncio.get_running_loop().run_in_executor(self._aside, work)

    def end_streams(self) -> None:
        """End the answers that have no end, and the queries. Call it before the server stops: it waits for answers."""
        self._cloud.logs.close()

    def close(self) -> None:
        """End the thread of the backend; what it is at ends first."""
        self._aside.shutdown()

    async def _answer(self, found: scopes.Scope, request: Request) -> Response:
        body = await _body(request, _BODY_MAX.get(found.service, BODY_MAX))
        sent = Sent(found.service, found.region, request.method, _target(request), _headers(request), body)
        if found.service == "s3":
            s3_checks.check(sent.method, sent.target, body)
            return _passed_on(await self._ask(sent, changes=sent.method not in _READING))
        await self.get_ready()
        return await self._own(sent)

    async def _own(self, sent: Sent) -> Response:
        """Answer with a row of the table, or pass on. No await between a change and its way to the disk."""
        from ota_stream.api.aws import model, operations  # noqa: PLC0415 - imported by `get_ready` by now

        call = self._read(sent)
        name = (sent.service, call.name)
        row, passed = operations.table().get(name), operations.PASSED.get(name)
        if name in operations.REGISTERING and isinstance(self._backend, Elsewhere):
            row = None  # what we sign would not be known there
        given = model.given(sent.service, call)  # moto takes requests on trust
        if row is not None:
            if row.stream is not None:
                return _Endless(model.event_stream(call, row.stream(self._cloud, given)), media_type=model.EVENT_STREAM)
            prepare = operations.ASIDE.get(name)
            if prepare is not None:
                given = dict(await asyncio.to_thread(prepare, given))
            if self._state is not None and name in operations.REGISTERING:
                self._state.touch()  # now: `keep` may have run while it was prepared
            shown = row(self._cloud_in(sent.region), given)
            if shown is not None:
                return _response(*model.answer(call, shown))
        try:
            return await self._around(sent, call.name, given, passed or operations.Passed())
        except ControlError as error:
            raise (not_implemented(*name) if error.name == NOBODY else error) from None  # with the operation's name

    def _read(self, sent: Sent) -> "Asked":
        """Return which operation is asked for. Raises ControlError: none, or too often."""
        from ota_stream.api.aws import model  # noqa: PLC0415 - imported by `get_ready` by now

        kind = sent.headers.get("content-type", "").partition(";")[0].strip().lower()
        if sent.body and kind in _FORMS and sent.service not in _BY_FORM:
            raise ControlError("SerializationException", 400, f"A request to {sent.service} has no body of type {kind}")
        call = model.asked(sent.service, sent.method, sent.target, sent.headers, sent.body)
        if call is None:
            raise ControlError("UnknownOperationException", 404, f"{sent.service} has no operation like this")
        if sent.service == "iot" and not self._allows(call.name):
            raise ControlError("ThrottlingException", 400, "Rate exceeded")
        return call

    async def _around(self, sent: Sent, name: str, given: Given, passed: "Passed") -> Response:
        """Pass a request on, and do what is to be done before and after."""
        if passed.guard is not None:
            passed.guard(self._cloud, given)
        got = await self._ask(sent, changes=not name.startswith(_READS))
        if got.status >= 300:  # noqa: PLR2004 - no success
            return _passed_on(got)
        if passed.follow is not None:
            self._cloud.hand_over(passed.follow(self._cloud, given))
            self._cloud.commit()
        body = got.body
        if passed.amend is not None:
            body = msgspec.json.encode(passed.amend(self._cloud, given, msgspec.json.decode(body)))
        return _response(got.status, dict(got.headers), body)

    def _cloud_in(self, region: str) -> AwsOperated:
        return self._cloud if region == self._cloud.region else replace(self._cloud, region=region)

    async def _ask(self, sent: Sent, *, changes: bool) -> Got:
        """Have the rest of AWS answer. Raises ControlError."""
        try:
            got: Got = await self._run(lambda: self._call(sent, changes=changes))
        finally:  # one that fails may have changed half
            if changes and _is_about_rights(sent):
                self._rights_changed()
        return got

    def _call(self, sent: Sent, *, changes: bool) -> Got:
        if self._state is not None:
            self._state.load()
            if changes:
                self._state.touch()
        return self._backend(sent)

    async def get_ready(self) -> None:
        """Give moto what it had and import what reads requests, once, without holding the loop."""
        await self.load()
        if not _warm:
            await self._run(warm_up)

    async def load(self) -> None:
        """Give moto what it had, once: half of what `get_ready` does, for who only asks what is registered."""
        if self._state is not None and not self._state.ready:
            await self._run(self._state.load)


_READING: Final = frozenset({"GET", "HEAD"})  # methods of S3
_READS: Final = ("Get", "List", "Describe")  # how the names of operations begin that change nothing
_FORMS: Final = frozenset({"application/x-www-form-urlencoded", "multipart/form-data"})
_BY_FORM: Final = frozenset({"iam", "sts"})
_warm: Final[list[bool]] = []


def _is_about_rights(sent: Sent) -> bool:
    """Tell whether a change may be one of rights: in IAM, of a certificate, of a policy of a bucket, of a bucket."""
    if sent.service in {"iam", "iot"}:
        return True
    path, _, query = sent.target.partition("?")
    return sent.service == "s3" and ("policy" in query or path.count("/") == 1)


def warm_up() -> None:
    """Import moto and read the models: a second of work that is better done before the first request, in a thread.

    What that makes stays for good, so the collector is kept from looking at it: a full round would hold the loop 0.1 s.
    """
    if _warm:
        return
    gc.disable()
    try:
        from ota_stream.api.aws import model, operations  # noqa: PLC0415 - that is what this is for

        operations.table()
        for service in {*scopes.SERVICES.values()} - {"s3"}:
            model.asked(service, "GET", "/", {}, b"")
        gc.freeze()
    finally:
        gc.enable()
    _warm.append(True)


class _Endless(StreamingResponse):
    """An answer whose source is closed at once when nobody listens any more."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        async with aclosing(self._source):
            await super().__call__(scope, receive, send)

    def __init__(self, source: AsyncGenerator[bytes], media_type: str) -> None:
        super().__init__(source, media_type=media_type)
        self._source = source


async def _body(request: Request, body_max: int) -> bytes:
    """Take a body in. Raises ControlError: it is larger, or says so; what follows is not read."""
    too_large = ControlError("EntityTooLarge", 413, f"The body is larger than {body_max} bytes")
    if int(request.headers.get("content-length", "0")) > body_max:
        raise too_large
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > body_max:
            raise too_large
    return bytes(body)


def _target(request: Request) -> str:
    path: str = request.scope["raw_path"].decode("latin-1")
    query: str = request.scope["query_string"].decode("latin-1")
    return f"{path}?{query}" if query else path


def _headers(request: Request) -> dict[str, str]:
    return dict(request.headers.items())


def _passed_on(got: Got) -> Response:
    return _response(got.status, dict(got.headers), got.body)


def _response(status: int, headers: dict[str, str], body: str | bytes) -> Response:
    return Response(body, status, headers)
