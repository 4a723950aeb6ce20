"""The HTTP server in a loop of somebody else's."""

import asyncio
import socket
from contextlib import suppress

import pytest
from starlette.responses import PlainTextResponse

from ota_stream.api.http_protocol import HEAD_MAX
from ota_stream.api.server import HttpError, HttpServer

HELLO = PlainTextResponse("hello")


async def get(server: HttpServer) -> bytes:
    reader, writer = await asyncio.open_connection(server.host, server.port)
    writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    try:
        return await reader.read()
    finally:
        writer.close()
        await writer.wait_closed()


async def test_it_answers_on_the_port_it_told_before_there_was_an_app():
    server = HttpServer("127.0.0.1", 0)
    assert server.base == f"http://127.0.0.1:{server.port}"
    await server.serve(HELLO)
    try:
        assert (await get(server)).endswith(b"\r\n\r\nhello")
    finally:
        await server.stop()
    with pytest.raises(OSError, match=r"refused|Connect call failed"):
        await get(server)


async def test_an_answer_does_not_wait_for_the_acknowledgement_of_its_headers():
    at_once: list[int] = []

    async def app(scope, receive, send):
        for connection in server._server.server_state.connections:
            accepted = connection.transport.get_extra_info("socket")
            at_once.append(accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        await HELLO(scope, receive, send)

    server = HttpServer("127.0.0.1", 0)
    await server.serve(app)
    try:
        await get(server)
    finally:
        await server.stop()
    assert at_once == [1]


@pytest.mark.parametrize("begin", [b"GET /", b"GET / HTTP/1.1\r\nX-Long: "])
async def test_a_head_without_an_end_is_refused(begin: bytes):
    server = HttpServer("127.0.0.1", 0)
    await server.serve(HELLO)
    reader, writer = await asyncio.open_connection(server.host, server.port)
    try:
        writer.write(begin + b"a" * (8 * HEAD_MAX))  # never finished: only the bound ends it
        assert (await reader.readline()).startswith(b"HTTP/1.1 400 ")
    finally:
        writer.close()
        with suppress(ConnectionError):  # what was not read any more makes it a reset
            await writer.wait_closed()
        await server.stop()


@pytest.mark.parametrize("read", [True, False])
async def test_a_body_is_no_head_whether_it_comes_with_one_or_was_not_wanted(read: bool):
    async def app(scope, receive, send):
        while read and (await receive())["more_body"]:
            pass
        await PlainTextResponse("over.")(scope, receive, send)

    server = HttpServer("127.0.0.1", 0)
    await server.serve(app)
    reader, writer = await asyncio.open_connection(server.host, server.port)
    head, body = (
        b"PUT / HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % (2 * HEAD_MAX),
        b"a" * 2 * HEAD_MAX,
    )
    try:
        for parts in ([head + body], [head, body], [head[:20], head[20:] + body]):
            for part in parts:
                writer.write(part)
                await writer.drain()
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
            assert await reader.readuntil(b".") == b"over."
    finally:
        writer.close()
        await writer.wait_closed()
        await server.stop()


async def test_stop_waits_for_the_answer_under_way():
    asked, may_answer = asyncio.Event(), asyncio.Event()

    async def app(scope, receive, send):
        asked.set()
        await may_answer.wait()
        await HELLO(scope, receive, send)

    server = HttpServer("127.0.0.1", 0)
    await server.serve(app)
    answer = asyncio.create_task(get(server))
    await asked.wait()
    stopping = asyncio.create_task(server.stop())
    await asyncio.sleep(0)
    may_answer.set()
    await stopping
    assert (await answer).endswith(b"hello")


async def test_a_server_that_never_served_lets_its_port_go():
    server = HttpServer("127.0.0.1", 0)
    await server.stop()
    again = HttpServer("127.0.0.1", server.port)
    await again.stop()


def test_a_taken_port_is_one_line():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(HttpError, match=f"^cannot listen on 127.0.0.1 port {port}: Address already in use$"):
            HttpServer("127.0.0.1", port)


@pytest.mark.skipif(not socket.has_ipv6, reason="this machine has no IPv6")
async def test_an_ipv6_address_stands_in_brackets():
    server = HttpServer("::1", 0)
    try:
        assert server.base == f"http://[::1]:{server.port}"
    finally:
        await server.stop()
