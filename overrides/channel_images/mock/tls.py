"""Gives a server its certificate for HTTPS: one that is made for it, or one that the user has."""

import os
import ssl
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TypeAlias

from attrs import frozen

if TYPE_CHECKING:
    from trustme import CA, LeafCert

Files: TypeAlias = tuple[str | os.PathLike[str], str | os.PathLike[str]]
"""A certificate, with those between it and its authority, and its private key; both in PEM."""

_OWN_NAMES = ("127.0.0.1", "::1", "localhost")


@frozen(kw_only=True)
class Tls:
    """What a server needs for HTTPS while it runs.

    Attributes:
        context: Its certificate and private key.
        ca_file: The file with the authority that clients have to trust, where the certificate was made for the server.
    """

    context: ssl.SSLContext
    ca_file: str | None = None


Certificate: TypeAlias = Callable[[], AbstractContextManager[Tls]]
"""Gives a server its certificate, for as long as it runs."""


def prepare(tls: bool | Files, host: str) -> Certificate | None:
    """Find or make the certificate of a server; `None` if it speaks no TLS.

    Args:
        tls: Whether to make a certificate, for loopback and for `host`; or the files of one.
        host: Where the server listens.

    Raises:
        ValueError: The files cannot be used, or no certificate can name the host; the message says in one line why.
    """
    if tls is False:
        return None
    if tls is not True:
        given = Tls(context=_context_of(*tls))
        return lambda: nullcontext(given)
    import trustme  # not before it is needed: it takes long to import

    authority = trustme.CA(organization_name="channel-images mock")
    try:
        certificate = authority.issue_cert(*dict.fromkeys([*_OWN_NAMES, *filter(None, [host])]))
    except ValueError as error:
        raise ValueError(f"no certificate can name the host {host!r}: give another, or a certificate") from error
    return lambda: _made(authority, certificate)


@contextmanager
def _made(authority: "CA", certificate: "LeafCert") -> Iterator[Tls]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    # By way of a file that only this user can read, and that is gone afterwards: Python takes keys from files alone.
    certificate.configure_cert(context)
    with tempfile.TemporaryDirectory(prefix="channel-images-") as folder:
        ca_file = Path(folder, "ca.pem")
        authority.cert_pem.write_to_path(ca_file)
        yield Tls(context=context, ca_file=str(ca_file))


def _context_of(certificate: str | os.PathLike[str], key: str | os.PathLike[str]) -> ssl.SSLContext:
    for file, what in ((certificate, "CERTIFICATE"), (key, "PRIVATE KEY")):
        try:
            content = Path(file).read_bytes()
        except OSError as error:
            raise ValueError(f"cannot read {file}: {error.strerror}") from error
        if f"{what}-----".encode() not in content:
            raise ValueError(f"{file} holds no {what.lower()} in PEM")

    def refuse() -> NoReturn:
        raise ValueError(f"the private key in {key} needs a password: give it without one")

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(certificate, key, password=refuse)
    except ssl.SSLError as error:
        if error.reason in {"KEY_VALUES_MISMATCH", "KEY_TYPE_MISMATCH"}:
            raise ValueError(
                f"the certificate in {certificate} and the private key in {key} do not belong together"
            ) from error
        reason = (error.reason or str(error)).replace("_", " ").lower()
        raise ValueError(f"{certificate} and {key} cannot be used for TLS: {reason}") from error
    return context
