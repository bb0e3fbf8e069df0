"""The dashboard in a browser: textual-serve behind a secret, so that nobody else on the machine can look or type.

Every address begins with the token: `http://127.0.0.1:8000/TOKEN/`. A request without it, the websocket's too, gets 403
and learns nothing; nothing is kept in cookies, which a page on another port of the same host could use. Each tab of a
browser is a process of its own, which ends with it.
"""

from __future__ import annotations

import hmac
import ipaddress
import logging
import secrets
import shlex
import socket
import sys
from pathlib import Path

from aiohttp import web
from aiohttp.typedefs import Handler
from textual_serve.server import Server

from rftui.errors import RftuiError

logger = logging.getLogger(__name__)

TOKEN_BYTES = 24
"""Of randomness: 192 bits."""
PAGE = Path(__file__).parent / "web"
"""A page of ours: textual-serve's fetches a font from a server of Google's, which would learn of every visit."""
HEADERS = {
    # the address is the secret: it must not go along to other places, nor stay in caches
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # the terminal sets styles by script and draws its glyphs from memory; nothing comes from elsewhere
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; font-src 'self'; "
        "img-src 'self' data: blob:; connect-src 'self'; base-uri 'none'; form-action 'none'"
    ),
}


def new_token() -> str:
    """A secret that fits an address."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches that host."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens there; port 0 takes any that is free. Raises RftuiError where it cannot be had."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen()
    except OSError as error:
        raise RftuiError(
            f"cannot listen on {host} port {port}",
            found=error.strerror or str(error),
            expected="an address of this machine and a free port",
            fix="name another with --port, or --port 0 for any that is free",
        ) from error
    return listener


class TokenServer(Server):
    """textual-serve with every address behind a token."""

    def __init__(self, listener: socket.socket, token: str) -> None:
        host, port = listener.getsockname()[:2]
        self._listener = listener
        self._token = token
        place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        super().__init__(
            # home and whether it may be changed come by the environment
            shlex.join([sys.executable, "-m", "rftui"]),
            host=host,
            port=port,
            title="rftui",
            public_url=f"http://{place}",
            templates_path=PAGE,
        )

    @property
    def url(self) -> str:
        """What to open in a browser."""
        return f"{self.public_url}/{self._token}/"

    async def guarded_app(self) -> web.Application:
        """textual-serve's application below the token, and nothing beside it."""
        inner = await self._make_app()
        inner.router.add_static("/page", PAGE)
        outer = web.Application(middlewares=[self._guard])
        outer.add_subapp(f"/{self._token}/", inner)
        return outer

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Lets through what knows the token; the time that it takes to refuse says nothing about it."""
        given = request.path.lstrip("/").partition("/")[0]
        if not hmac.compare_digest(given.encode(), self._token.encode()):
            return web.Response(status=403, text="403: the address lacks its token; `rftui serve` printed it\n")
        response = await handler(request)
        if not response.prepared:
            response.headers.update(HEADERS)
        return response

    async def on_startup(self, app: web.Application) -> None:
        """The command says where it listens; textual-serve would print its own sign."""

    def initialize_logging(self) -> None:
        """What fails goes to stderr in one line: textual-serve's own would print addresses and variables."""
        logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s")

    def run(self) -> None:
        """Serves until SIGINT or SIGTERM; dashboards in browsers end with it, runs go on."""
        self.initialize_logging()
        web.run_app(
            self.guarded_app(), sock=self._listener, print=lambda *_: None, access_log=None, shutdown_timeout=5.0
        )
