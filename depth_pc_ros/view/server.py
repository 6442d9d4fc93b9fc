"""`ViewServer`: the page of a `LiveView`, served from a thread of its own. The servo never waits for a browser."""

import asyncio
import contextlib
import errno
import hmac
import ipaddress
import logging
import secrets
import socket
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from aiohttp import WSMsgType, web

from depth_pc_ros.errors import DepthPcError
from depth_pc_ros.types import ServoState
from depth_pc_ros.view.live_view import PICTURES, LiveView, Viewer, kind_of

MOST_VIEWERS = 8
_PERIOD_S = 0.1  # between two messages to a browser, at least
_HEARTBEAT_S = 0.5  # and at most, so that the page notices a dead connection
_GONE_S = 10.0  # a browser that takes no message, or answers no ping, for so long is gone
_START_WITHIN_S = 10.0
_PAGE = Path(__file__).parent / "page"
_FILES = {"/": "index.html", "/view.js": "view.js", "/plots.js": "plots.js", "/view.css": "view.css"}
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'self'; img-src 'self' blob: data:; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class ViewError(DepthPcError):
    """The page cannot be served at this address and port."""


class ViewServer:
    """A context manager: the page is served inside it, at `url`.

    actions: name -> function of a button of the page, `capture`, `enable` or `stop`; the page has those that are given.
    It is called in a thread, returns what to tell the person, and raises DepthPcError with the reason where it fails.
    Each `stop` is a call of its own; the others are not called again while they run: both presses get the one answer.
    address, port: where to listen; port 0: any that is free. Where other machines reach the address, only who has the
    token in `url` gets an answer.
    """

    def __init__(self, view: LiveView, actions: Mapping[str, Callable[[], str]], address: str, port: int):
        self._view, self._actions = view, actions
        self._address, self.port = address, port
        self._token = "" if is_loopback(address) else secrets.token_urlsafe(24)
        self._running: dict[str, asyncio.Task] = {}  # the last call of each action
        self._news: set[asyncio.Event] = set()  # one of each browser
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name="view", daemon=True)
        self._started = threading.Event()
        self._problem = ""

    @property
    def url(self) -> str:
        """What to open in a browser, with the token where one is needed."""
        host = socket.gethostname() if self._address in ("0.0.0.0", "::") else self._address
        host = f"[{host}]" if ":" in host else host
        return f"http://{host}:{self.port}/" + (f"?token={self._token}" if self._token else "")

    def __enter__(self) -> "ViewServer":
        self.start()
        return self

    def __exit__(self, *exc) -> None:
        self.stop()

    def start(self) -> None:
        """Serve from now on. Raises ViewError."""
        self._thread.start()
        if not self._started.wait(_START_WITHIN_S):
            raise ViewError(f"the page is not served after {_START_WITHIN_S:g} s")
        if self._problem:
            raise ViewError(self._problem)

    def stop(self) -> None:
        """End all connections. Does nothing where it is not served."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._ended.set)
            self._thread.join()

    async def _serve(self) -> None:
        self._loop, self._ended = asyncio.get_running_loop(), asyncio.Event()
        app = web.Application(middlewares=[self._guard], client_max_size=1024)
        app.router.add_get("/live", self._live)
        app.router.add_post("/do/{action}", self._do)
        for path in _FILES:
            app.router.add_get(path, self._file)
        runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=0.5)
        await runner.setup()
        try:
            await web.TCPSite(runner, self._address, self.port).start()
        except OSError as error:
            self._problem = self._no_port(error)
        else:
            self.port = runner.addresses[0][1]
            self._view.on_change = self._on_change
        self._started.set()
        if not self._problem:
            await self._ended.wait()
            self._view.on_change = lambda: None
            self._announce()
        await runner.cleanup()

    def _no_port(self, error: OSError) -> str:
        if error.errno == errno.EADDRINUSE:
            return f"port: {self.port} of {self._address} is in use, give another one"
        return f"address: cannot listen on {self._address}, port {self.port}: {error.strerror or error}"

    def _on_change(self) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
            self._loop.call_soon_threadsafe(self._announce)

    def _announce(self) -> None:
        for event in self._news:
            event.set()

    # Who may ask

    @web.middleware
    async def _guard(self, request: web.Request, handler) -> web.StreamResponse:
        refusal = self._refusal(request)
        if refusal is not None:
            response = refusal
        elif self._token and "token" in request.query:  # the link that was printed: keep the token, not the link
            response = web.Response(status=303, headers={"Location": "/"})
            response.set_cookie(self._cookie, self._token, httponly=True, samesite="Lax")
        else:
            try:
                response = await handler(request)
            except web.HTTPException as error:
                response = web.Response(status=error.status, text=error.reason)
        if not response.prepared:
            response.headers.update(_HEADERS)
        return response

    def _refusal(self, request: web.Request) -> web.Response | None:
        """Why a request is not answered; None: it is.

        Another page in the same browser may send requests here, too. Its origin tells, and a name that leads to this
        machine (DNS rebinding) is not this machine's own.
        """
        if self._token:
            given = request.query.get("token") or request.cookies.get(self._cookie, "")
            if not hmac.compare_digest(given.encode(errors="replace"), self._token.encode()):
                return web.Response(status=401, text="This page needs its token: open the address that was printed.\n")
        elif not is_loopback(urlsplit(f"//{request.host}").hostname or ""):
            return web.Response(status=403, text="This page is for this machine only: open it as localhost.\n")
        if request.method not in ("GET", "HEAD") or request.path == "/live":
            origin = urlsplit(request.headers.get("Origin", ""))
            if origin.scheme not in ("http", "https") or origin.netloc != request.host:
                return web.Response(status=403, text="Only this page itself may do that (Origin).\n")
        return None

    @property
    def _cookie(self) -> str:
        return f"depth_pc_view_{self.port}"

    # The page

    async def _file(self, request: web.Request) -> web.FileResponse:
        return web.FileResponse(_PAGE / _FILES[request.path])

    async def _do(self, request: web.Request) -> web.Response:
        """Press a button."""
        name = request.match_info["action"]
        if name not in self._actions:
            raise web.HTTPNotFound
        task = self._running.get(name)
        if task is None or task.done() or name == "stop":
            task = self._running[name] = asyncio.create_task(asyncio.to_thread(self._act, name))
        done, text = await asyncio.shield(task)
        return web.json_response({"done": done, "text": text})

    def _act(self, name: str) -> tuple[bool, str]:
        try:
            return True, self._actions[name]()
        except DepthPcError as error:
            return False, str(error)
        except Exception as error:  # the page must say that it was not done
            logging.getLogger(__name__).exception("the action %s failed", name)
            return False, f"{type(error).__name__}: {error}"

    async def _live(self, request: web.Request) -> web.WebSocketResponse:
        """One browser. It asks with the names of its pictures and gets one message, then asks again.

        So a browser that stalls has one message on its way, and later gets the newest one, not all that it missed.
        """
        if self._view.viewers >= MOST_VIEWERS:
            raise web.HTTPServiceUnavailable(reason=f"{MOST_VIEWERS} browsers show this page already")
        channel = web.WebSocketResponse(heartbeat=_GONE_S, max_msg_size=1024, compress=False)
        viewer, news = Viewer(), asyncio.Event()
        self._view.attach(viewer)
        self._news.add(news)
        try:
            await channel.prepare(request)
            await channel.send_json({
                "buttons": list(self._actions),
                "states": [(state.name, kind_of(state)) for state in ServoState],
            })  # fmt: skip
            async for message in channel:
                if message.type is not WSMsgType.TEXT:
                    break
                self._view.want(viewer, frozenset(PICTURES).intersection(message.data.split()))
                await self._await_news(viewer, news)
                if self._ended.is_set():
                    break
                await asyncio.wait_for(channel.send_bytes(self._view.message(viewer)), _GONE_S)
        except asyncio.TimeoutError:
            if request.transport is not None:
                request.transport.abort()  # to close it would wait for the browser to read
        except ConnectionError:  # the browser has gone meanwhile
            pass
        finally:
            self._news.discard(news)
            self._view.detach(viewer)
        return channel

    async def _await_news(self, viewer: Viewer, news: asyncio.Event) -> None:
        await asyncio.sleep(_PERIOD_S)
        news.clear()
        if not self._view.has_news(viewer):
            try:
                await asyncio.wait_for(news.wait(), _HEARTBEAT_S)
            except asyncio.TimeoutError:
                return


def is_loopback(address: str) -> bool:
    """Whether this address or name is of this machine only."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"
