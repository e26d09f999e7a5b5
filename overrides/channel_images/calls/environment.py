"""Reads what the environment says of proxies and certificates, before httpx does."""

import ssl
from collections.abc import Mapping
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.request import getproxies

import httpx

from channel_images.exceptions import ConfigurationError


def checked_proxies(given: Mapping[str, Any]) -> list[httpx.Proxy]:
    """The proxy of the options, or those of the environment, where httpx reads it.

    Raises:
        ConfigurationError: One is no URL. Nothing of it is shown: it may hold a password.
    """
    if given.get("proxy"):
        return [_checked_proxy("proxy=", given["proxy"])]
    if "transport" in given or not given.get("trust_env", True):
        return []
    # As httpx does it, which shows what it cannot read.
    named = {f"{scheme.upper()}_PROXY": getproxies().get(scheme) for scheme in ("http", "https", "all")}
    return [
        _checked_proxy(f"{name} in the environment", url if "://" in url else f"http://{url}")
        for name, url in named.items()
        if url
    ]


def _checked_proxy(name: str, given: Any) -> httpx.Proxy:
    proxy, is_url = None, False
    with suppress(httpx.InvalidURL, AttributeError, TypeError, ValueError):
        proxy = given if isinstance(given, httpx.Proxy) else httpx.Proxy(given)
        is_url = bool(proxy.url.host)
    if proxy is None or not is_url:
        raise ConfigurationError(f"{name} takes a URL such as http://proxy:3128")
    if proxy.url.scheme.startswith("socks") and find_spec("socksio") is None:
        raise ConfigurationError(f"{name} takes a proxy of SOCKS only with pip install 'httpx[socks]'")
    return proxy


def tls_options(given: Mapping[str, Any]) -> dict[str, Any]:
    """`verify` and `cert` where they are paths, as httpx wants them: as a context."""
    verify, cert = given.get("verify", True), given.get("cert")
    if not isinstance(verify, str) and cert is None:
        return {}
    try:
        if isinstance(verify, str):
            if Path(verify).is_dir():
                context = ssl.create_default_context(capath=verify)
            else:
                context = ssl.create_default_context(cafile=verify)
        else:
            context = verify if isinstance(verify, ssl.SSLContext) else httpx.create_ssl_context(verify=verify)
        if cert is not None:
            context.load_cert_chain(*((cert,) if isinstance(cert, str) else cert))
    except OSError as error:  # of which ssl's are
        raise ConfigurationError(f"verify= or cert= names no certificates that can be read: {error}") from None
    return {"verify": context, "cert": None}
