"""The dashboard in a browser: nothing without the token, nothing from elsewhere, and no process left behind."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import psutil
import pytest

pytest.importorskip("textual_serve", reason="the serve extra is not installed")

from aiohttp import ClientSession, WSMsgType, WSServerHandshakeError, web

from rftui.cli.root import run
from rftui.errors import RftuiError
from rftui.serving import TokenServer, is_loopback, listen, new_token
from store.layout import Home
from tests.browser import browser, chromium
from tests.fake_runs import wait_for
from tests.rollout_rows import RUN, make_home

TOKEN = "a-token-of-this-test"


@asynccontextmanager
async def served() -> AsyncIterator[tuple[str, ClientSession]]:
    """A server whose dashboards end at once, and a client."""
    server = TokenServer(listen("127.0.0.1", 0), TOKEN)
    server.command = "true"
    runner = web.AppRunner(await server.guarded_app())
    await runner.setup()
    await web.SockSite(runner, server._listener).start()
    try:
        async with ClientSession() as client:
            yield server.public_url, client
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/ws",
        "/static/js/textual.js",
        "/page/focus.js",
        "/download/x",
        f"/{TOKEN[:-1]}/",
        f"/{TOKEN}x/",
        f"/static/{TOKEN}/",
        f"/?token={TOKEN}",
        "/%C3%A9/",
        "/.well-known/anything",
    ],
)
def test_without_the_token_everything_is_refused_and_nothing_is_told(path: str) -> None:
    async def scenario() -> None:
        async with served() as (address, client), client.get(f"{address}{path}") as answer:
            assert answer.status == 403
            assert TOKEN not in await answer.text()

    asyncio.run(scenario())


def test_a_websocket_needs_the_token_as_well() -> None:
    async def scenario() -> None:
        async with served() as (address, client):
            with pytest.raises(WSServerHandshakeError) as refused:
                await client.ws_connect(f"{address}/ws")
            assert refused.value.status == 403
            async with client.ws_connect(f"{address}/{TOKEN}/ws") as socket:
                assert not socket.closed

    asyncio.run(scenario())


def test_with_the_token_the_page_comes_and_loads_nothing_from_elsewhere() -> None:
    async def scenario() -> None:
        async with served() as (address, client), client.get(f"{address}/{TOKEN}/") as answer:
            text = await answer.text()
            assert answer.status == 200
            assert answer.headers["Referrer-Policy"] == "no-referrer"
            addresses = [part.split('"')[0] for part in text.replace("ws://", "http://").split("http://")[1:]]
            assert addresses
            assert all(place.startswith(address.removeprefix("http://") + f"/{TOKEN}/") for place in addresses)
            assert "https://" not in text

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("host", "is_inside"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("a.b", False)],
)
def test_only_loopback_addresses_stay_on_the_machine(host: str, is_inside: bool) -> None:
    assert is_loopback(host) is is_inside


def test_tokens_are_long_and_never_the_same() -> None:
    assert len({new_token() for _ in range(100)}) == 100
    assert len(new_token()) >= 32


def test_a_port_that_is_taken_is_said_with_the_remedy() -> None:
    taken = listen("127.0.0.1", 0)
    try:
        with pytest.raises(RftuiError, match=r"cannot listen on 127\.0\.0\.1 port") as raised:
            listen("127.0.0.1", taken.getsockname()[1])
    finally:
        taken.close()
    assert "--port 0" in raised.value.fix


def test_changes_and_read_only_contradict_each_other(capsys: pytest.CaptureFixture[str]) -> None:
    os.environ["RFTUI_READ_ONLY"] = "1"
    try:
        assert run(["serve", "--changes"]) == 1
    finally:
        os.environ.pop("RFTUI_READ_ONLY", None)
    assert "--changes contradicts --read-only" in capsys.readouterr().err


@contextmanager
def serve_command(home: Home, *options: str) -> Iterator[tuple[str, psutil.Process]]:
    """`rftui serve` as people start it: the address that it prints, and its process."""
    process = subprocess.Popen(
        [sys.executable, "-m", "rftui", "serve", "--port", "0", *options],
        env={**os.environ, "RFTUI_HOME": str(home.path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip(), psutil.Process(process.pid)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_a_browser_gets_a_dashboard_that_only_looks_and_that_ends_with_the_server(tmp_path: Path) -> None:
    home = make_home(tmp_path)

    async def first_screen(address: str) -> None:
        async with ClientSession() as client, client.ws_connect(f"{address}ws?width=120&height=40") as socket:
            seen = b""
            async with asyncio.timeout(60):
                while not (RUN.encode() in seen and b"read-only" in seen):
                    message = await socket.receive()
                    assert message.type is WSMsgType.BINARY
                    seen += message.data
            dashboards = server.children(recursive=True)
            assert dashboards
            # as if the machine had run out of memory
            server.send_signal(signal.SIGKILL)
            wait_for(lambda: not any(is_there(process) for process in dashboards), what="the end of the dashboard")

    with serve_command(home) as (address, server):
        asyncio.run(first_screen(address))


def is_there(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


@pytest.mark.skipif(chromium() is None, reason="no Chromium on this machine")
def test_chromium_shows_the_dashboard_and_gives_it_the_keys(tmp_path: Path) -> None:
    program = chromium()
    assert program is not None
    home = make_home(tmp_path)

    async def look(address: str) -> None:
        async with browser(program, tmp_path / "profile") as page:
            await page.open(address)
            await page.wait_for("document.body.classList.contains('-first-byte')")
            await page.wait_for("document.activeElement.className == 'xterm-helper-textarea'")
            async with asyncio.timeout(60):
                # a frame of the dashboard is many times the file of an empty page
                while len(await page.picture()) < 20_000:
                    await asyncio.sleep(0.1)

            await page.press("q")
            await page.wait_for("document.body.classList.contains('-closed')")
            assert await page.value("document.querySelector('.closed-dialog').innerText") == (
                "The dashboard ended; runs go on. Open it again"
            )
            assert page.complaints == []

    with serve_command(home) as (address, _):
        asyncio.run(look(address))
