"""uvicorn's fastest HTTP protocol, with the bound to a request's head that it lacks."""

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from channel_images.mock.answers import to_json
from channel_images.mock.settings import MAX_HEAD

_BODY = to_json({"detail": "Request header fields too large."})
_TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-type: application/json\r\n"
    b"content-length: %d\r\nconnection: close\r\n\r\n%s" % (len(_BODY), _BODY)
)


class BoundedHttpProtocol(HttpToolsProtocol):
    """Refuses, with 431, a head that is still not complete after ``MAX_HEAD`` bytes."""

    _is_in_head = False
    _head_bytes = 0

    def on_message_begin(self) -> None:
        self._is_in_head, self._head_bytes = True, 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._is_in_head = False
        super().on_headers_complete()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if not self._is_in_head or self.transport.is_closing():
            return
        self._head_bytes += len(data)
        if self._head_bytes > MAX_HEAD:
            self.transport.write(_TOO_LARGE)
            self.transport.close()
