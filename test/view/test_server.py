"""Who gets the page and may press its buttons; a slow browser holds up nobody. An HTTP client stands for a browser."""

import asyncio
import base64
import contextlib
import os
import re
import socket
import threading
from urllib.parse import urlsplit

import pytest
from view_messages import unpacked

pytest.importorskip("aiohttp", reason="needs aiohttp: pip install 'depth_pc_ros[view]'")

import aiohttp

from depth_pc_ros.errors import DepthPcError
from depth_pc_ros.view import server
from depth_pc_ros.view.live_view import LiveView
from depth_pc_ros.view.server import MOST_VIEWERS, ViewError, ViewServer, is_loopback


def address_of(page) -> str:
    return f"http://127.0.0.1:{page.server.port}"


def origin_of(page) -> dict[str, str]:
    """The header that a browser sends with what the page itself does."""
    return {"Origin": address_of(page)}


def ask(page, path: str = "/", method: str = "GET", **options) -> tuple[int, str, dict]:
    """Status, text and headers of an answer."""

    async def request():
        async with (
            aiohttp.ClientSession() as session,
            session.request(method, address_of(page) + path, allow_redirects=False, **options) as got,
        ):
            return got.status, await got.text(), got.headers

    return asyncio.run(request())


def press(page, name: str) -> tuple[int, str]:
    status, text, _ = ask(page, f"/do/{name}", "POST", headers=origin_of(page))
    return status, text


@contextlib.asynccontextmanager
async def browser(page, **options):
    """A WebSocket that has got the greeting."""
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{address_of(page)}/live", **{"headers": origin_of(page), **options}) as ws,
    ):
        assert (await ws.receive_json())["buttons"] == ["capture", "enable", "stop"]
        yield ws


async def next_message(ws, wanted: str = "live"):
    await ws.send_str(wanted)
    return unpacked(await ws.receive_bytes())


def handshake_status(page, **options) -> int:
    """Status with which a WebSocket is refused."""

    async def connect():
        async with browser(page, **options):
            return 101

    try:
        return asyncio.run(connect())
    except aiohttp.WSServerHandshakeError as error:
        return error.status


def test_the_page_comes_with_all_that_it_needs_and_nothing_from_elsewhere(page):
    status, html, headers = ask(page)
    assert (status, headers["Content-Type"]) == (200, "text/html")
    assert "default-src 'self'" in headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    for path, kind in (("/view.js", "javascript"), ("/plots.js", "javascript"), ("/view.css", "css")):
        status, text, headers = ask(page, path)
        assert status == 200
        assert kind in headers["Content-Type"]
        assert not re.search(r"\w+://", text)  # no address of another server
    assert not re.search(r"\w+://", html)
    assert ask(page, "/live.html")[0] == ask(page, "/..%2fserver.py")[0] == 404


def test_a_button_is_pressed_by_the_page_itself_only(page):
    assert press(page, "stop") == (200, '{"done": true, "text": "stop done"}')
    for headers in ({}, {"Origin": "http://evil.example"}, {"Origin": "null"}, {"Origin": "http://127.0.0.1:1"}):
        assert ask(page, "/do/stop", "POST", headers=headers)[0] == 403
    assert ask(page, "/do/stop")[0] == 405
    assert press(page, "explode")[0] == 404
    assert page.pressed == ["stop"]


def test_another_page_gets_no_pictures(page):
    assert handshake_status(page) == 101
    assert handshake_status(page, headers={"Origin": "http://evil.example"}) == 403
    assert handshake_status(page, headers={}) == 403


def test_another_name_of_this_machine_is_refused(page):
    """A page elsewhere whose name was made to lead here (DNS rebinding)."""
    headers = {"Host": f"evil.example:{page.server.port}", "Origin": f"http://evil.example:{page.server.port}"}
    assert ask(page, "/", headers=headers)[0] == 403
    assert ask(page, "/do/enable", "POST", headers=headers)[0] == 403
    assert ask(page, "/", headers={"Host": "localhost:9000"})[0] == 200  # through a tunnel
    assert page.pressed == []


def test_a_button_tells_why_it_failed(page):
    def refuse():
        raise DepthPcError("controller/enable: no answer within 2 s")

    page.answers["stop"] = refuse
    assert press(page, "stop") == (200, '{"done": false, "text": "controller/enable: no answer within 2 s"}')
    page.answers["stop"] = lambda: 1 / 0
    assert press(page, "stop") == (200, '{"done": false, "text": "ZeroDivisionError: division by zero"}')


def test_stop_waits_for_no_other_button_and_each_stop_is_its_own(page, wait):
    go_on = threading.Event()
    page.answers["capture"] = page.answers["enable"] = lambda: str(go_on.wait())
    presses = [threading.Thread(target=press, args=(page, name)) for name in ("capture", "capture", "enable")]
    for each in presses:
        each.start()
    wait(lambda: sorted(page.pressed) == ["capture", "enable"], "both buttons")
    for _ in range(3):
        assert press(page, "stop")[0] == 200
    go_on.set()
    for each in presses:
        each.join()
    assert sorted(page.pressed) == ["capture", "enable", "stop", "stop", "stop"]
    assert press(page, "capture")[0] == 200
    assert page.pressed[-1] == "capture"


def test_a_port_in_use_is_one_clear_line(page):
    with pytest.raises(ViewError) as problem:
        ViewServer(LiveView(""), {}, "127.0.0.1", page.server.port).start()
    assert str(problem.value) == f"port: {page.server.port} of 127.0.0.1 is in use, give another one"
    assert press(page, "stop")[0] == 200  # the first one goes on


@pytest.mark.parametrize("address", ["203.0.113.1", "no.such.host.invalid"])
def test_an_address_of_another_machine_is_one_clear_line(address):
    with pytest.raises(ViewError) as problem:
        ViewServer(LiveView(""), {}, address, 0).start()
    assert str(problem.value).startswith(f"address: cannot listen on {address}, port 0: ")
    assert len(str(problem.value).splitlines()) == 1


@pytest.fixture
def open_page(make_page):
    """A page that other machines reach."""
    return make_page("0.0.0.0")


def test_beyond_this_machine_a_token_is_needed(open_page):
    page = open_page
    link = urlsplit(page.server.url)
    token = link.query.removeprefix("token=")
    assert (link.hostname, len(token)) == (socket.gethostname().lower(), 32)
    for path in ("/", "/view.js", "/live", "/?token=", f"/?token={token[:-1]}", "/?token=%ff%fe"):
        assert ask(page, path)[0] == 401, path
    assert ask(page, "/", cookies={f"depth_pc_view_{page.server.port}": "\xff" * 32})[0] == 401
    assert press(page, "stop")[0] == 401
    assert handshake_status(page) == 401
    assert page.pressed == []


def test_the_link_gives_a_cookie_and_the_cookie_gives_the_page(open_page):
    page = open_page
    status, _, headers = ask(page, f"/?{urlsplit(page.server.url).query}")
    assert (status, headers["Location"]) == (303, "/")
    cookie, *attributes = headers["Set-Cookie"].split("; ")
    assert {"HttpOnly", "SameSite=Lax"} <= set(attributes)
    cookies = dict([cookie.split("=", 1)])
    assert ask(page, "/", cookies=cookies)[0] == 200
    mine = {"Host": f"robot.example:{page.server.port}", "Origin": f"http://robot.example:{page.server.port}"}
    assert ask(page, "/do/stop", "POST", headers=mine, cookies=cookies)[0] == 200
    other = {**mine, "Origin": "http://evil.example"}
    assert ask(page, "/do/stop", "POST", headers=other, cookies=cookies)[0] == 403
    assert page.pressed == ["stop"]
    assert handshake_status(page, headers={**mine, "Cookie": cookie}) == 101


def test_each_start_has_another_token(make_page):
    assert make_page("0.0.0.0").server.url.rpartition("=")[2] != make_page("0.0.0.0").server.url.rpartition("=")[2]


@pytest.mark.parametrize(
    ("address", "own"),
    [("127.0.0.1", True), ("127.1.2.3", True), ("::1", True), ("localhost", True), ("0.0.0.0", False),
     ("192.168.1.5", False), ("::", False), ("localhost.evil.example", False), ("", False)],
)  # fmt: skip
def test_what_counts_as_this_machine(address, own):
    assert is_loopback(address) is own


def test_two_browsers_see_the_same_and_each_its_own_pictures(page):
    page.run()

    async def look():
        async with browser(page) as one, browser(page) as two:
            counts = []
            for _ in range(3):
                head, pictures = await next_message(one, "live goal")
                counts.append(int(head["reading"]["facts"]["count"]))
                assert {"depth", "overlay"}.isdisjoint(pictures)
                await next_message(two, "depth")
            assert page.view.viewers == 2
            assert page.view.wanted == {"live", "goal", "depth"}
            return counts

    counts = asyncio.run(look())
    assert counts == sorted(set(counts))


def test_nothing_is_drawn_once_the_last_browser_has_gone(page, wait):
    async def look():
        async with browser(page) as ws:
            await next_message(ws, "live nonsense")
            assert page.view.wanted == {"live"}

    asyncio.run(look())
    wait(lambda: page.view.wanted == frozenset() and page.view.viewers == 0, "the end of the connection")


def test_a_quiet_servo_is_told_from_a_dead_connection(page):
    async def look():
        async with browser(page) as ws:
            return [(await next_message(ws))[0]["now_s"] for _ in range(3)]

    times = asyncio.run(look())
    assert times == sorted(set(times))


def stalled(page) -> socket.socket:
    """A browser that asks again and again, and reads nothing."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.connect(("127.0.0.1", page.server.port))
    key = base64.b64encode(os.urandom(16)).decode()
    client.sendall(
        f"GET /live HTTP/1.1\r\nHost: 127.0.0.1:{page.server.port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\nOrigin: http://127.0.0.1:{page.server.port}\r\n\r\n"
        .encode()
    )  # fmt: skip
    text = b"live goal overlay difference depth"
    client.sendall((bytes([0x81, 0x80 | len(text)]) + bytes(4) + text) * 2000)  # a mask of zeros
    return client


def test_a_stalled_browser_holds_up_nobody_and_is_dropped(page, wait, monkeypatch):
    """It has one message on its way, however much there would be; the memory stays as it is."""
    sizes = []
    monkeypatch.setattr(server, "_GONE_S", 1.0)
    monkeypatch.setattr(server, "_PERIOD_S", 0.0)
    message = page.view.message

    def large(viewer):
        data = message(viewer)
        if "overlay" in viewer.wanted:
            sizes.append(len(data))
            data += bytes(4_000_000)
        return data

    monkeypatch.setattr(page.view, "message", large)
    page.run()
    with stalled(page):
        wait(lambda: sizes, "the first message to it")

        async def look():
            async with browser(page) as ws:
                return [int((await next_message(ws))[0]["reading"]["facts"]["count"]) for _ in range(20)]

        counts = asyncio.run(look())
        assert counts[-1] > counts[0]
        assert press(page, "stop")[0] == 200
        assert len(sizes) <= 2
        wait(lambda: page.view.viewers == 0, "the end of the stalled browser")
        assert len(sizes) <= 2


def test_one_browser_too_many_is_refused(page):
    async def look():
        async with contextlib.AsyncExitStack() as stack:
            for _ in range(MOST_VIEWERS):
                await stack.enter_async_context(browser(page))
            with pytest.raises(aiohttp.WSServerHandshakeError) as problem:
                await stack.enter_async_context(browser(page))
            return problem.value.status

    assert asyncio.run(look()) == 503


@pytest.mark.parametrize("wrong", [b"live", "live " * 1000])
def test_what_is_no_question_ends_the_connection(page, wait, wrong):
    async def look():
        async with browser(page) as ws:
            await (ws.send_bytes(wrong) if isinstance(wrong, bytes) else ws.send_str(wrong))
            assert (await ws.receive()).type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED)

    asyncio.run(look())
    wait(lambda: page.view.viewers == 0, "the end of the connection")


def test_the_end_of_the_server_ends_the_connections(page):
    page.run()

    async def look():
        async with browser(page) as ws:
            await next_message(ws)
            await asyncio.to_thread(page.server.stop)
            return (await ws.receive()).type

    assert asyncio.run(look()) in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED)
    page.view.on_change()  # nobody listens any more
    page.server.stop()
