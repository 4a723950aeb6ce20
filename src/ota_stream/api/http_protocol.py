"""HTTP as uvicorn speaks it with httptools, and a bound for the head of a request, which that parser has not."""

from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from ota_stream.api.bad_line import HANG_UP

HEAD_MAX: Final = 64 * 1024  # bytes of request line and headers; more than one read brings is refused by the next


class BoundedHttp(HttpToolsProtocol):
    """One connection. A head that does not end is answered with 400, and the connection is closed."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - uvicorn's own arguments, passed on
        super().__init__(*args, **kwargs)
        self._heads = 0  # that have ended
        self._unfinished = 0  # bytes of the one that has not
        self._in_head = True

    def data_received(self, data: bytes) -> None:
        """Take what was read."""
        heads, was_in_head = self._heads, self._in_head
        super().data_received(data)
        if was_in_head and self._in_head and heads == self._heads:  # all of it is of one head, which has not ended
            self._unfinished += len(data)
            if self._unfinished > HEAD_MAX and not self.transport.is_closing():
                self.send_400_response(f"The head of the request is larger than {HEAD_MAX} bytes")

    def on_message_begin(self) -> None:
        """Let whoever answers close the connection (`bad_line`)."""
        super().on_message_begin()
        self.scope["extensions"] = {HANG_UP: {"close": self.transport.close}}

    def on_headers_complete(self) -> None:
        """Note that a head has ended."""
        self._heads += 1
        self._unfinished = 0
        self._in_head = False
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Note that a head comes next."""
        self._in_head = True
        super().on_message_complete()
