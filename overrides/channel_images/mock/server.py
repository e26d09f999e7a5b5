"""Runs the mock server as an object: on a port of this machine, or in-process."""

import asyncio
import contextlib
import os
import socket
import threading
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

import uvicorn
from starlette.types import ASGIApp

from channel_images.mock.app import create_app
from channel_images.mock.as_json import Json
from channel_images.mock.behaviour import Behaviour
from channel_images.mock.churn import Churn, churn_of
from channel_images.mock.data.files import Source, load
from channel_images.mock.data.loaded import Loaded
from channel_images.mock.data.made import Row
from channel_images.mock.data.store import UnknownChannel
from channel_images.mock.data.versions import Sent, versions_of
from channel_images.mock.faults.faults import Faults
from channel_images.mock.http.journal import RecordedRequest
from channel_images.mock.http.log import LoggedApp
from channel_images.mock.http.protocol import BoundedHttpProtocol
from channel_images.mock.reporting.actions import IntegrationAction
from channel_images.mock.reporting.batches import BatchRequest
from channel_images.mock.reporting.ledger import Ledger
from channel_images.mock.settings import DEFAULT_CHANNELS, Settings, credentials
from channel_images.mock.state import State
from channel_images.mock.tls import Certificate, Files, prepare
from channel_images.mock.work import Pace, pace_of

if TYPE_CHECKING:
    from channel_images.mock.http.transport import MockTransport

_WILDCARDS = {"0.0.0.0": "127.0.0.1", "::": "[::1]", "": "127.0.0.1"}  # noqa: S104 - read here, bound only on request
_FIRST_CHANNEL = next(iter(DEFAULT_CHANNELS))

_KEEP_ALIVE = 75
"""Seconds that an idle connection stays open: longer than clients keep theirs in a pool."""
_GRACE = 1
"""Seconds that requests under way may take when the server is stopped."""


class PortInUse(OSError):
    """The address cannot be listened on; the message says which, and why."""


class MockServer:
    """A mock server with its data.

    As a context manager, it serves on a free port of the loopback, in its own thread. You can change its data meanwhile:

        with MockServer(images=50) as server:
            api = AuthenticatedClient(server.url, server.token)
            image = server.add(5, width=640)
            server.mark_sent(5, image)

    With `tls=True`, it speaks HTTPS, and a client has to trust `server.ca_file`.

    You can send the same requests without a socket: `httpx.Client(transport=server.transport, base_url=server.url)`.

    It can be another healthy server (`variants`) or a broken one (`bugs`). It can have a bad day (`faults`, or
    `fault` while it runs), and data that changes meanwhile (`churn`):

        with MockServer(variants=["limit-clamped"], faults=["503:rate=0.1"], churn=Churn(adds=1, removes=2)) as server:
            ...
    """

    def __init__(
        self,
        *,
        images: int | None = None,
        channels: Mapping[int, int] | None = None,
        data: Source | Sequence[Source] = (),
        token: str | None = None,
        username: str | None = None,
        password: str | None = None,
        other_token: str | None = None,
        admin_token: str | None = None,
        seed: int = 0,
        trust_proxy: bool = False,
        host: str = "127.0.0.1",
        port: int = 0,
        tls: bool | Files = False,
        variants: Sequence[str] = (),
        bugs: Sequence[str] = (),
        faults: Sequence[str] | Faults = (),
        churn: Churn | bool | None = None,
        arrivals: str | Pace | None = None,
        edits: str | Pace | None = None,
        log: Callable[[str], object] | None = None,
        behaviour: type[Behaviour] = Behaviour,
    ) -> None:
        """Prepare a server; run it with `start`, `serve` or `with`.

        Args:
            images: The number of images of channel 5.
            channels: The number of images of each channel, instead.
            data: Files of images that `channel-images export` wrote as NDJSON, for the channels that their rows name, or
                for one channel: `"5=images.ndjson"`. The server has these channels, and those whose size you give.
            token: The token for the operations, `mock-token` by default; users who sign in get it. On a `host` that other
                machines can reach, the credentials that you do not give are random: see `settings`.
            username: The name to sign in with, `mock` by default.
            password: The password to sign in with, `mock` by default.
            other_token: The token of a second user, `mock-other` by default, who sees only a channel of its own (8), and
                signs in as `mock-other`, with `mock-other`.
            admin_token: The token for the admin API, by default that of the operations.
            seed: Another seed gives other images, faults and churn.
            trust_proxy: Whether `X-Forwarded-Proto` and `X-Forwarded-Host` decide what links look like.
            host: The address to listen on.
            port: The port; 0 takes a free one.
            tls: Whether to speak HTTPS, with a certificate that is made for loopback and for `host`; or the paths of
                your own certificate and of its private key, both in PEM.
            variants: Habits of other healthy servers, by the names that the command line lists.
            bugs: Violations of the contract, by the names that the command line lists.
            faults: What goes wrong on the way, as specs.
            churn: How the data changes meanwhile; True is a gentle churn.
            arrivals: How often to add an image to each channel while the server runs, such as `5/min`.
            edits: How often to edit an image of each channel, such as `5/min`.
            log: Called with a line for each request, in the server's own thread, such as `logging.getLogger("mock").info`.
            behaviour: A behaviour of your own, instead of variants and bugs.

        Raises:
            ValueError: The settings contradict each other, or a file cannot be loaded; the message says why, in one line.
        """
        loaded = load([data] if isinstance(data, str | os.PathLike) else data)
        sizes = _sizes(images, channels, loaded)
        if variants or bugs:
            if behaviour is not Behaviour:
                raise ValueError("variants and bugs are behaviours: give them, or one of your own")
            from channel_images.mock.bugs import behaviour as behaviour_of

            behaviour = behaviour_of(variants, bugs)
        secrets = credentials(
            host,
            token=token,
            username=username,
            password=password,
            other_token=other_token,
            admin_token=admin_token,
        )
        self.settings = Settings(**secrets, channels=sizes, seed=seed, trust_proxy=trust_proxy)  # type: ignore[arg-type]
        self._state = State.begin(
            self.settings,
            loaded=loaded,
            faults=faults if isinstance(faults, Faults) else Faults(faults, seed=seed),
            churn=churn_of(churn, seed),
            arrivals=pace_of(arrivals),
            edits=pace_of(edits),
        )
        self._store = self._state.store
        self.app = create_app(self.settings, state=self._state, behaviour=behaviour)
        self._served: ASGIApp = self.app
        if log is not None:
            tokens = {self.settings.token, self.settings.other_token, self.settings.admin_token or self.settings.token}
            self._served = LoggedApp(self.app, log, tokens)
        self._address = (host, port)
        self._certificate = prepare(tls, host)
        self._server: Listening | None = None
        self._thread: threading.Thread | None = None

    def __repr__(self) -> str:
        where = self.url if self._server else "not running"
        return f"<MockServer {where}, channels {dict(self.settings.channels)}>"

    # Where it is

    @property
    def url(self) -> str:
        """The base URL, without a closing slash.

        Raises:
            RuntimeError: The server does not run.
        """
        return self._running.url

    @property
    def ca_file(self) -> str:
        """The path of the certificate that a client has to trust with `tls=True`. It is gone once the server has stopped.

        Raises:
            RuntimeError: The server does not run, or did not make its certificate itself.
        """
        ca_file = self._running.ca_file
        if ca_file is None:
            raise RuntimeError("this mock server has no authority of its own: start it with tls=True")
        return ca_file

    @property
    def token(self) -> str:
        """The token that its requests need."""
        return self.settings.token

    @property
    def other_token(self) -> str:
        """The token of the second user, who sees none of these channels."""
        return self.settings.other_token

    def environ(self, channel: int | None = None) -> dict[str, str]:
        """The environment variables that a process needs to work with this server, besides those of this process.

        They are those that `ChannelImages.from_env()` and the command line read, an exception from any proxy, and,
        with `tls=True`, the certificate to trust: that of this server, and no other.

        Args:
            channel: The channel to work on, for `CHANNEL_IMAGES_CHANNEL`.

        Raises:
            RuntimeError: The server does not run.
        """
        host = urlsplit(self.url).hostname or ""
        direct = ",".join(filter(None, [os.environ.get("NO_PROXY") or os.environ.get("no_proxy"), host]))
        environ = {"CHANNEL_IMAGES_URL": self.url, "CHANNEL_IMAGES_TOKEN": self.token}
        # Libraries differ in which of the two counts.
        environ |= {"NO_PROXY": direct, "no_proxy": direct}
        if channel is not None:
            environ["CHANNEL_IMAGES_CHANNEL"] = str(channel)
        if ca_file := self._running.ca_file:
            environ |= {"SSL_CERT_FILE": ca_file, "REQUESTS_CA_BUNDLE": ca_file}
        return environ

    @property
    def channels(self) -> tuple[int, ...]:
        """The ids of the channels that its token sees."""
        return tuple(self.settings.channels)

    @property
    def transport(self) -> "MockTransport":
        """A transport for httpx clients that reaches the running server without a socket."""
        from channel_images.mock.http.transport import MockTransport

        return MockTransport(self._served, lambda: self._running.loop)

    # What it holds

    def add(self, channel: int, *, pk: int | None = None, **fields: object) -> Row:
        """Add an image to a channel, pending for insertion, and return it as the API shows it.

        `fields` are those of an image; the server makes up the others. Without `pk`, the image gets the next free one;
        without a product, a new one. `fields` may also describe a new product, by the names of the filters on it.

        Raises:
            UnknownChannel: The mock has no such channel.
            InvalidFields: The contract does not allow these fields, or the pk is in use.
        """
        return self._store.add(channel, fields, pk=pk)

    def modify(self, channel: int, pk: int, **fields: object) -> Row:
        """Change fields of an image. If it had been sent, it is then pending for update.

        Raises:
            UnknownChannel: The mock has no such channel.
            UnknownImage: The channel has no such image.
            InvalidFields: The contract does not allow these fields.
        """
        return self._store.modify(channel, pk, fields)

    def remove(self, channel: int, pk: int) -> None:
        """Take an image out of a channel.

        Raises:
            UnknownChannel: The mock has no such channel.
            UnknownImage: The channel has no such image.
        """
        self._store.remove(channel, pk)

    def mark_sent(self, channel: int, sent: Sent) -> None:
        """Report images as sent to the channel, at the versions that were sent: all of them or, after an error, none.

        `sent` is an image or several (a `ProductImage`, a row), or versions by pk: `{17: image.modified_date}`. If an image
        was modified since, it is an update at once. A pk alone means the present version. That hides a mistake: an image
        that was modified after your connector read it counts as sent too.

        Raises:
            UnknownChannel: The mock has no such channel.
            UnknownImage: The channel has no such image.
            InvalidFields: The image never had this version, or a later one was sent already.
        """
        self._store.mark_sent(channel, versions_of(sent))

    def reset(self) -> None:
        """Undo all changes, forget the requests, and go back to the faults that the server was started with."""
        self._state.reset()

    @property
    def requests(self) -> list[RecordedRequest]:
        """The newest requests, oldest first: a thousand of them, or fewer if their headers are long."""
        return self._state.journal.items

    # What connectors reported

    def batches(self, channel: int) -> list[BatchRequest]:
        """The batches of a channel, as they stand now; the newest last.

        Raises:
            UnknownChannel: The mock has no such channel.
        """
        with self._ledger(channel) as ledger:
            return [each for each in ledger.batches.values() if each.channel == channel]

    def integration_actions(self, channel: int) -> list[IntegrationAction]:
        """The outcome of each image that a batch of a channel ever took, by its pk.

        Raises:
            UnknownChannel: The mock has no such channel.
        """
        with self._ledger(channel) as ledger:
            actions = ledger.actions_of(channel)
            return [actions[pk] for pk in sorted(actions)]

    def error_reports(self, channel: int) -> list[Mapping[str, Json]]:
        """The newest error reports about a channel as the API shows them, oldest first: at most a thousand, in 16 MB.

        Raises:
            UnknownChannel: The mock has no such channel.
        """
        with self._ledger(channel) as ledger:
            return [each for each in ledger.error_reports.items if each["channel"] == channel]

    def operational_events(self, channel: int) -> list[Mapping[str, Json]]:
        """The newest operational events about a channel, likewise.

        Raises:
            UnknownChannel: The mock has no such channel.
        """
        with self._ledger(channel) as ledger:
            return [each for each in ledger.operational_events.items if each["channel"] == channel]

    @contextlib.contextmanager
    def _ledger(self, channel: int) -> Iterator[Ledger]:
        """What was reported, under the lock, for a channel that must be there."""
        with self._store.lock:
            if channel not in self._store:
                raise UnknownChannel(channel)
            yield self._state.ledger

    # What goes wrong

    def fault(self, *specs: str) -> None:
        """Add faults, from the next request on: `server.fault("503:first=2")`.

        Specs are described in `channel_images.mock.faults`.

        Raises:
            BadFault: The spec describes no fault.
        """
        self._state.faults.add(*specs)

    def clear_faults(self) -> None:
        """Remove all faults, even those that the server was started with."""
        self._state.faults.clear()

    @property
    def faults(self) -> Faults:
        """The faults, with the number of requests that each has struck."""
        return self._state.faults

    # Running it

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Serve from a thread, until `stop`; returns when requests are answered.

        Raises:
            PortInUse: The address cannot be listened on.
        """
        server = self._bind()
        self._thread = threading.Thread(target=server.serve_bound, name="channel-images-mock", daemon=True)
        self._thread.start()
        server.ready.wait()
        if not server.started:
            self.stop()
            raise RuntimeError("the mock server did not start: its thread has logged why")

    def stop(self) -> None:
        """Stop serving; requests under way get a second to end."""
        if self._server is not None and self._thread is not None:
            self._server.end()
            self._thread.join()
        self._server = self._thread = None

    def serve(self, ready: Callable[[], None] = lambda: None) -> None:
        """Serve from this thread until Ctrl-C or a signal; `ready` is called once requests are answered.

        Raises:
            PortInUse: The address cannot be listened on.
        """
        server = self._bind()
        server.on_ready = ready
        try:
            # uvicorn ends in good order first, and only then passes the interruption on.
            with contextlib.suppress(KeyboardInterrupt):
                server.serve_bound()
        finally:
            self._server = None

    @property
    def _running(self) -> "Listening":
        if self._server is None:
            raise RuntimeError("the mock server is not running: use it as a context manager, or call start()")
        return self._server

    def _bind(self) -> "Listening":
        if self._server is not None:
            raise RuntimeError(f"the mock server is running already, at {self.url}")
        self._server = Listening(
            self._served, _listen(*self._address), self._address[0], self._certificate, self._state.work.come
        )
        self._server.on_stop = self._state.faults.release
        return self._server


async def _no_work() -> None:
    """Nothing comes by itself."""


class Listening(uvicorn.Server):
    """uvicorn on a socket that is bound already, which says when it answers and in which loop."""

    loop: asyncio.AbstractEventLoop
    ca_file: str | None = None

    def __init__(
        self,
        app: ASGIApp,
        bound: socket.socket,
        host: str,
        certificate: Certificate | None = None,
        work: Callable[[], Coroutine[object, object, None]] = _no_work,
    ) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=BoundedHttpProtocol,
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_keep_alive=_KEEP_ALIVE,
                timeout_graceful_shutdown=_GRACE,
            )
        )
        self._bound = bound
        self._certificate = certificate
        self._work = work
        name = _WILDCARDS.get(host, f"[{host}]" if ":" in host else host)
        self.url = f"http{'s' * bool(certificate)}://{name}:{bound.getsockname()[1]}"
        self.ready = threading.Event()
        self.on_ready: Callable[[], None] = lambda: None
        self.on_stop: Callable[[], None] = lambda: None

    def serve_bound(self) -> None:
        """Serve until `should_exit`."""
        try:
            self.run(sockets=[self._bound])
        finally:
            # Whatever went wrong, nobody must wait for it.
            self.ready.set()
            self._bound.close()

    async def _serve(self, sockets: list[socket.socket] | None = None) -> None:
        # Here, where uvicorn has taken the signals over: one that ends the process at once would leave files behind.
        with self._certificate() if self._certificate else contextlib.nullcontext() as tls:
            self.config.load()
            if tls:
                self.config.ssl, self.ca_file = tls.context, tls.ca_file
            await super()._serve(sockets)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self.loop = asyncio.get_running_loop()
        self._ended = self.loop.create_future()
        await super().startup(sockets)
        self._coming = asyncio.create_task(self._work())
        self.ready.set()
        self.on_ready()

    async def main_loop(self) -> None:
        await self.on_tick(0)  # which gives answers their date, before the first request is read
        ticking = asyncio.create_task(super().main_loop())
        await asyncio.wait({ticking, self._ended}, return_when=asyncio.FIRST_COMPLETED)
        ticking.cancel()

    def end(self) -> None:
        """Stop, from another thread, and not only at uvicorn's next tick."""
        self.should_exit = True
        if self.started:
            with contextlib.suppress(RuntimeError):  # the loop may have ended by itself
                self.loop.call_soon_threadsafe(self._ended.cancel)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # Requests that a fault keeps waiting would use up the time that the others have to end.
        self.on_stop()
        self._coming.cancel()
        # uvicorn waits a tenth of a second for connections to close. Those that are idle close at once.
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        await asyncio.sleep(0.001)
        if self.server_state.connections or self.server_state.tasks:
            await super().shutdown(sockets)


def _sizes(images: int | None, channels: Mapping[int, int] | None, loaded: Mapping[int, Loaded]) -> Mapping[int, int]:
    """How many images each channel begins with.

    Raises:
        ValueError: Two sizes are given for one channel.
    """
    if images is not None and channels is not None:
        raise ValueError(f"images and channels both say how large channel {_FIRST_CHANNEL} is: give one of them")
    if channels is None:
        channels = {} if images is None else {_FIRST_CHANNEL: images}
        if not loaded:
            return {**DEFAULT_CHANNELS, **channels}
    if twice := channels.keys() & loaded.keys():
        raise ValueError(f"channel {min(twice)} has the images of its file: give no size for it")
    return {**channels, **{channel: each.images for channel, each in loaded.items()}}


def _listen(host: str, port: int) -> socket.socket:
    """A socket bound to the address.

    Raises:
        PortInUse: The address cannot be listened on.
    """
    bound = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    # A port whose connections have just ended may be taken again.
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
        # Now, so that nobody else can come first: two sockets may be bound to one port, but only one may listen.
        bound.listen()
    except OSError as error:
        bound.close()
        raise PortInUse(f"cannot listen on {host}:{port}: {error.strerror or error}") from error
    return bound
