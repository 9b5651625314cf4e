"""The way to a provider: its own address and no other, no redirects, and no more bytes than an answer can have."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import AsyncIterator

import httpx2

#: Bytes that an answer may have.
MOST_BYTES = 1_000_000


class RefusedError(httpx2.TransportError):
    """The address or the answer is not one that is taken; `code` says which in a word."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Way(httpx2.AsyncBaseTransport):
    """Sends requests to one origin.

    Parameters
    ----------
    address : str
        Root of the API: requests for any other origin are refused.
    private : bool
        Whether it may be an address of this machine or network. A name is resolved once per request, and the request
        goes to the address that was looked at, so that no name can be one thing now and another then.
    inner : httpx2.AsyncBaseTransport, optional
        What sends.
    """

    def __init__(self, address: str, *, private: bool, inner: httpx2.AsyncBaseTransport | None = None) -> None:
        self._origin = _origin(httpx2.URL(address))
        self._private = private
        self._inner = inner or httpx2.AsyncHTTPTransport(trust_env=False)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request and pass its answer on, counted."""
        if _origin(request.url) != self._origin:
            raise RefusedError("other_origin", "A request would have gone to another server.")
        host = request.url.host
        place = await self._resolve(host, request.url.port or (443 if request.url.scheme == "https" else 80))
        request.headers["Accept-Encoding"] = "identity"
        request.extensions = {**request.extensions, "sni_hostname": host}
        sent = httpx2.Request(
            request.method,
            request.url.copy_with(host=place),
            headers=request.headers,
            stream=request.stream,
            extensions=request.extensions,
        )
        response = await self._inner.handle_async_request(sent)
        if 300 <= response.status_code < 400:
            await response.aclose()
            raise RefusedError("redirect", "The provider answered with a redirect, which is not followed.")
        if response.headers.get("Content-Encoding", "identity") != "identity":
            await response.aclose()
            raise RefusedError("encoded", "The provider's answer is encoded, which was not asked for.")
        if isinstance(response.stream, httpx2.AsyncByteStream):
            response.stream = _Counted(response.stream)
        return response

    async def aclose(self) -> None:
        """Close what sends."""
        await self._inner.aclose()

    async def _resolve(self, host: str, port: int) -> str:
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise RefusedError("unknown_host", "The name of the provider's server is not known.") from error
        places = [str(place[4][0]) for place in found]
        if not self._private and not all(map(_is_public, places)):
            raise RefusedError("private_address", "The provider's address is a private one, and those are not allowed.")
        return places[0]


class _Counted(httpx2.AsyncByteStream):
    """Bytes that come, up to `MOST_BYTES`."""

    def __init__(self, stream: httpx2.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        arrived = 0
        async for piece in self._stream:
            arrived += len(piece)
            if arrived > MOST_BYTES:
                raise RefusedError("too_large", f"The provider's answer has more than {MOST_BYTES} bytes.")
            yield piece

    async def aclose(self) -> None:
        await self._stream.aclose()


def _is_public(place: str) -> bool:
    address = ipaddress.ip_address(place.partition("%")[0])
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_global and not address.is_multicast


def _origin(url: httpx2.URL) -> tuple[str, str, int]:
    return url.scheme, url.host, url.port or (443 if url.scheme == "https" else 80)
