"""Reads what the environment says of proxies and certificates, before httpx does.

httpx fails over some of it in words of its own, which may show a password, and it sends loopback through a proxy too. A
client speaks to one server: it needs one proxy or none, and one set of certificates.
"""

import os
import re
import ssl
from collections.abc import Mapping
from contextlib import suppress
from importlib.util import find_spec
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from urllib.request import getproxies

import httpx

from channel_images.calls.address import is_loopback
from channel_images.exceptions import ConfigurationError

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_DEFAULT_PORTS = {"http": 80, "https": 443}
_HASHED = re.compile(r"[0-9a-f]{8}\.[0-9]+")  # the names by which OpenSSL finds certificates in a folder


def connection_options(base_url: str, given: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
    """Read how a server is reached: through a proxy or not, and whose certificates are trusted.

    The environment is not read where the caller gives a transport, mounts or `trust_env=False`. Its proxies are not used
    where the caller gives one, nor for a server on this machine.

    Args:
        base_url: Where the server is.
        given: The caller's options for httpx.

    Returns:
        The options that take the place of the caller's, with which httpx reads no environment; and the proxy for the
        end of a message, such as " (through the proxy http://proxy:3128)", empty if there is none.

    Raises:
        ConfigurationError: An option or a variable makes no sense. Nothing of a proxy is shown: it may hold a password.
    """
    has_transport = given.get("transport") is not None
    reads_environment = given.get("trust_env", True) and not has_transport and not given.get("mounts")
    proxy, source = None, ""
    if given.get("proxy"):
        proxy = read_proxy("proxy=", given["proxy"])
    elif reads_environment and (variable := _proxy_variable(httpx.URL(base_url))):
        name, value = variable
        proxy, source = read_proxy(f"{name} in the environment", value), f", of {name}"
    options: dict[str, Any] = {"proxy": proxy, "trust_env": False}
    if not has_transport or "verify" in given or "cert" in given:
        verify, cert = given.get("verify", True), given.get("cert")
        options |= {"verify": tls_context(verify, cert, reads_environment=reads_environment), "cert": None}
    if proxy is None:
        return options, ""
    return options, f" (through the proxy {proxy.url.scheme}://{proxy.url.netloc.decode('ascii')}{source})"


def read_proxy(name: str, given: Any) -> httpx.Proxy:
    """The proxy that somebody names.

    Args:
        name: Where it is named, for the error.
        given: An `httpx.Proxy`, or a URL. All before its last @ is a user name and a password: they may hold
            characters that a URL would have escaped.

    Raises:
        ConfigurationError: It is not a URL of a proxy. Nothing of it is shown: it may hold a password.
    """
    proxy = given if isinstance(given, httpx.Proxy) else None
    with suppress(httpx.InvalidURL, TypeError, ValueError):
        proxy = proxy or _parsed(str(given))
    if proxy is None or not proxy.url.host:
        raise ConfigurationError(f"{name} takes a URL such as http://proxy:3128 or socks5://proxy:1080")
    if proxy.url.scheme.startswith("socks") and find_spec("socksio") is None:
        raise ConfigurationError(f"{name} takes a SOCKS proxy only after pip install 'httpx[socks]'")
    return proxy


def _parsed(url: str) -> httpx.Proxy:
    scheme, _, rest = url.partition("://")
    credentials, _, address = rest.rpartition("@")
    if not url.isprintable() or credentials.startswith("/"):
        raise ValueError("no URL")
    user, _, password = map(unquote, credentials.partition(":"))
    return httpx.Proxy(f"{scheme}://{address}", auth=(user, password) if user or password else None)


def _proxy_variable(url: httpx.URL) -> tuple[str, str] | None:
    """The variable that names a proxy for a server, and its value, which may be without a scheme."""
    named = getproxies()  # from the settings of the system too, where it has some
    if is_loopback(url.host) or any(_excepts(entry, url) for entry in re.split(r"[,\s]+", named.get("no", ""))):
        return None
    for scheme in (url.scheme, "all"):
        if value := named.get(scheme, "").strip():
            return f"{scheme.upper()}_PROXY", value if _SCHEME.match(value) else f"http://{value}"
    return None


def _excepts(entry: str, url: httpx.URL) -> bool:
    """Whether an entry of NO_PROXY is about a server.

    It is `*`, a name, an address or a network, perhaps with a scheme and a port. Any other is passed over, as curl does.
    """
    scheme, _, place = entry.lower().rpartition("://")
    host, port = place.rstrip("/"), ""
    if host.count(":") == 1 or "]:" in host:  # any other colon is one of an address
        host, _, port = host.rpartition(":")
    if scheme not in ("", "all", url.scheme) or port not in ("", str(url.port or _DEFAULT_PORTS[url.scheme])):
        return False
    with suppress(ValueError):  # of names
        return ip_address(url.host) in ip_network(re.sub(r"[\[\]]", "", host), strict=False)
    domain = host.removeprefix("*").removeprefix(".")  # a dot in front leaves out the name itself, here as in httpx
    return host in ("*", url.host) or (domain != "" and url.host.endswith(f".{domain}"))


def tls_context(verify: ssl.SSLContext | str | bool, cert: Any = None, *, reads_environment: bool) -> ssl.SSLContext:
    """How the certificates of a server are verified, and what the client shows of its own.

    Args:
        verify: As httpx has it.
        cert: As httpx has it.
        reads_environment: Whether SSL_CERT_FILE or SSL_CERT_DIR says whom to trust, where `verify` is True.

    Raises:
        ConfigurationError: There are no certificates where one of them says.
    """
    place = str(verify)
    if verify is True and reads_environment:
        name = next((name for name in ("SSL_CERT_FILE", "SSL_CERT_DIR") if os.environ.get(name)), "")
        if name:
            verify = os.environ[name]
            place = f"{name}={verify} in the environment"
    try:
        context = _trusting(verify) if isinstance(verify, str) else httpx.create_ssl_context(verify, trust_env=False)
        if cert is not None:
            files = (cert,) if isinstance(cert, str) else cert
            place = str(files[0])  # the last one may be a password
            context.load_cert_chain(*files)
    except OSError as error:  # of which ssl's are
        if error.filename and error.filename == os.environ.get("SSLKEYLOGFILE"):
            raise ConfigurationError(
                f"SSLKEYLOGFILE={error.filename} in the environment cannot be written: {error.strerror}"
            ) from None
        raise ConfigurationError(f"{place} holds no certificates that can be read: {error.strerror}") from None
    return context


def _trusting(place: str) -> ssl.SSLContext:
    """Trust the certificates of a file, or of a folder or several as OpenSSL has them."""
    folders = [Path(part) for part in place.split(os.pathsep) if Path(part).is_dir()]
    if not folders:
        return ssl.create_default_context(cafile=place)
    if not any(_HASHED.fullmatch(file.name) and file.is_file() for folder in folders for file in folder.iterdir()):
        raise FileNotFoundError(0, "no file is named as `openssl rehash` names certificates")
    return ssl.create_default_context(capath=place)
