# Generated from openapi.yaml by `make generate`, which overwrites every change. Do not edit.

import re
import ssl
from typing import Any, Self

import httpx
from attrs import define, evolve, field

# Seconds for each step: to connect, to send, and between two arrivals of data.
DEFAULT_TIMEOUT = httpx.Timeout(30.0)


def _without_credentials(url: str) -> str:
    return repr(re.sub(r"(?<=//)[^/?#]*@", "***@", url))


@define(eq=False)
class Client:
    """The connection to a server, without a token.

    httpx clients are made at first use and kept; `with` closes them.

    Attributes:
        raise_on_unexpected_status: Raise errors.UnexpectedStatus for a status that the contract does not document,
            instead of returning a response whose `parsed` is None.
        base_url: Where the paths of the contract begin.
        cookies: Sent with every request.
        headers: Sent with every request.
        timeout: An httpx timeout, a number of seconds, or None to wait for ever.
        verify_ssl: Whether, or how, to verify the server's certificate.
        follow_redirects: Whether to follow redirects.
        httpx_args: More arguments for `httpx.Client` and `httpx.AsyncClient`.
    """

    # Whatever may hold a secret is not in the repr.
    raise_on_unexpected_status: bool = field(default=False, kw_only=True)
    _base_url: str = field(alias="base_url", repr=_without_credentials)
    _cookies: dict[str, str] = field(factory=dict, kw_only=True, alias="cookies", repr=False)
    _headers: dict[str, str] = field(factory=dict, kw_only=True, alias="headers", repr=False)
    _timeout: httpx.Timeout | float | None = field(default=DEFAULT_TIMEOUT, kw_only=True, alias="timeout")
    _verify_ssl: str | bool | ssl.SSLContext = field(default=True, kw_only=True, alias="verify_ssl")
    _follow_redirects: bool = field(default=False, kw_only=True, alias="follow_redirects")
    _httpx_args: dict[str, Any] = field(factory=dict, kw_only=True, alias="httpx_args", repr=False)
    _client: httpx.Client | None = field(default=None, init=False, repr=False)
    _async_client: httpx.AsyncClient | None = field(default=None, init=False, repr=False)

    def with_headers(self, headers: dict[str, str]) -> Self:
        """A new client, not connected yet, with additional headers."""
        return evolve(self, headers={**self._headers, **headers})

    def with_cookies(self, cookies: dict[str, str]) -> Self:
        """A new client, not connected yet, with additional cookies."""
        return evolve(self, cookies={**self._cookies, **cookies})

    def with_timeout(self, timeout: httpx.Timeout | float | None) -> Self:
        """A new client, not connected yet, with another timeout."""
        return evolve(self, timeout=timeout)

    def _httpx_options(self) -> dict[str, Any]:
        return {
            "base_url": self._base_url,
            "cookies": self._cookies,
            "headers": self._headers,
            "timeout": self._timeout,
            "verify": self._verify_ssl,
            "follow_redirects": self._follow_redirects,
            **self._httpx_args,
        }

    def set_httpx_client(self, client: httpx.Client) -> Self:
        """Use this httpx client; none of the other settings applies to it."""
        self._client = client
        return self

    def get_httpx_client(self) -> httpx.Client:
        if self._client is None:
            self._client = httpx.Client(**self._httpx_options())
        return self._client

    def __enter__(self) -> Self:
        self.get_httpx_client().__enter__()
        return self

    def __exit__(self, *args: Any) -> None:
        self.get_httpx_client().__exit__(*args)

    def set_async_httpx_client(self, async_client: httpx.AsyncClient) -> Self:
        """Use this httpx client; none of the other settings applies to it."""
        self._async_client = async_client
        return self

    def get_async_httpx_client(self) -> httpx.AsyncClient:
        if self._async_client is None:
            self._async_client = httpx.AsyncClient(**self._httpx_options())
        return self._async_client

    async def __aenter__(self) -> Self:
        await self.get_async_httpx_client().__aenter__()
        return self

    async def __aexit__(self, *args: Any) -> None:
        await self.get_async_httpx_client().__aexit__(*args)


@define(eq=False)
class AuthenticatedClient(Client):
    """A Client that sends a token.

    Attributes:
        token: The token.
        prefix: The word before the token in the header; empty for none.
        auth_header_name: The header that carries the token.
    """

    token: str = field(repr=False)
    prefix: str = "Token"
    auth_header_name: str = "Authorization"

    def _httpx_options(self) -> dict[str, Any]:
        options = super()._httpx_options()
        # httpx.Headers, because names of headers have no case: the token replaces an `authorization` among `headers`.
        options["headers"] = httpx.Headers(options["headers"])
        options["headers"][self.auth_header_name] = f"{self.prefix} {self.token}" if self.prefix else self.token
        return options
