"""In front of every route: who may ask, what every answer carries, and what is written down.

A page of another site must not reach a service on somebody's own machine: requests for a foreign
host name (DNS rebinding) and writes that a browser marks as another site's are turned away. The
log has method, route, status and time; no address, no path as sent, no query, no name.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import logging
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pneumoscope.serve.counts import Counts
from pneumoscope.serve.messages import Problem

_log = logging.getLogger("pneumoscope.serve")
OPEN = ("/healthz", "/readyz", "/openapi.json", "/", "/static")
_SAFE = ("GET", "HEAD", "OPTIONS")
_METHODS = (*_SAFE, "POST", "PUT", "PATCH", "DELETE")
# A client that is turned away is listened to a little longer, or it would not hear the answer.
_DRAIN_SECONDS, _DRAIN_BYTES = 15.0, 64 * 2**20
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    # Films are no matter for a disk cache; the page's own files are asked for anew each time.
    "Cache-Control": "no-store",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Who may ask: holders of ``tokens`` (none: all), of ``hosts`` by name (None: by any)."""

    tokens: tuple[str, ...] = ()
    hosts: frozenset[str] | None = None

    def knows(self, authorization: str) -> bool:
        """Whether an Authorization header carries a token; as slow for each wrong one."""
        scheme, _, given = authorization.partition(" ")
        digest = _digest(given.strip())
        found = False
        for token in self.tokens:
            found |= hmac.compare_digest(digest, _digest(token))
        return found and scheme.lower() == "bearer"


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()


class Gate:
    """ASGI middleware around ``app``; at most ``requests`` are in work at once.

    ``styles`` are CSP hashes of style sheets that stand inside pages.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        access: Access,
        counts: Counts,
        requests: int,
        styles: Sequence[str] = (),
    ) -> None:
        self._app, self._access, self._counts = app, access, counts
        self._room = requests
        inline = " ".join(f"'{each}'" for each in styles)
        self._policy = (
            f"default-src 'none'; script-src 'self'; style-src 'self' {inline}; "
            "img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; base-uri 'none'; "
            "form-action 'none'; frame-ancestors 'none'"
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or pass it on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status, begun = time.perf_counter(), 500, False

        async def watched(message: Message) -> None:
            nonlocal status, begun
            if message["type"] == "http.response.start":
                status, begun = message["status"], True
                self._dress(scope["path"], message)
            await send(message)

        turned_away = self._turned_away(scope)
        self._room -= 1
        try:
            if turned_away is not None:
                await drain(receive)
                await turned_away(scope, receive, watched)
            else:
                await self._app(scope, receive, watched)
        except Exception as error:
            _log_fault(error)
            if begun:
                raise
            await problem(500, "This should not have happened.")(scope, receive, watched)
        finally:
            self._room += 1
            self._write_down(scope, status, time.perf_counter() - began)

    def _turned_away(self, scope: Scope) -> Response | None:
        headers, path = Headers(scope=scope), scope["path"]
        hosts = self._access.hosts
        if hosts is not None and host_name(headers.get("host", "")) not in hosts:
            return problem(403, "This host name is not served here (see --allow-host).")
        if scope["method"] not in _SAFE and headers.get("sec-fetch-site") == "cross-site":
            return problem(403, "A page of another site may not send films here.")
        if self._room <= 0:
            return problem(503, "Too many requests are in work; try again soon.", again=1)
        is_open = path in OPEN or path.startswith("/static/")
        if self._access.tokens and not is_open:
            given = headers.get("authorization", "")
            if not self._access.knows(given):
                told = 'Bearer error="invalid_token"' if given else "Bearer"
                return problem(401, "A valid token is needed.", headers={"WWW-Authenticate": told})
        return None

    def _dress(self, path: str, message: Message) -> None:
        headers = MutableHeaders(scope=message)
        for name, value in _HEADERS.items():
            headers.setdefault(name, value)
        headers.setdefault("Content-Security-Policy", self._policy)
        if path == "/" or path.startswith("/static/"):
            headers["Cache-Control"] = "no-cache"

    def _write_down(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "other")
        method = scope["method"] if scope["method"] in _METHODS else "other"
        self._counts.request(method, route, status, seconds)
        _log.info("%s %s %d %.0f ms", method, route, status, 1000 * seconds)


def problem(
    status: int, text: str, *, again: int | None = None, headers: dict[str, str] | None = None
) -> Response:
    """A `Problem` as a response, with Retry-After where ``again`` (seconds) says so."""
    told = dict(headers or {})
    if again is not None:
        told["Retry-After"] = str(again)
    return JSONResponse(Problem(error=text).model_dump(), status, told)


async def drain(receive: Receive) -> None:
    """Throw the rest of a request's body away, for a while."""
    seen = 0
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_DRAIN_SECONDS):
            while seen < _DRAIN_BYTES:
                message = await receive()
                seen += len(message.get("body", b""))
                if message["type"] == "http.disconnect" or not message.get("more_body"):
                    return


def host_name(host: str) -> str:
    """The name in a Host header, without port; lower case."""
    name = host.rpartition("]")[0] + "]" if host.startswith("[") else host.partition(":")[0]
    return name.lower()


def _log_fault(error: Exception) -> None:
    """Where it happened; without the error's own words, which may quote what was sent."""
    where = "".join(traceback.format_tb(error.__traceback__)[-3:])
    _log.error("%s in\n%s", type(error).__name__, where)
