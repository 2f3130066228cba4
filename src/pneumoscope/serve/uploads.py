"""A request's body -> films in memory, within the limits and never on a disk."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator
from dataclasses import dataclass

from python_multipart.exceptions import FormParserError
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from pneumoscope.serve.gate import drain
from pneumoscope.serve.limits import MB, Limits
from pneumoscope.serve.service import Film

FIELD = "files"
PICTURES = (
    *("image/jpeg", "image/png", "image/tiff"),
    *("application/dicom", "application/octet-stream"),
)
_OTHER_FIELDS = 16


class Rejected(Exception):
    """A request that is not answered as asked: status, one sentence, when to come again."""

    def __init__(self, status: int, text: str, *, again: int | None = None) -> None:
        super().__init__(text)
        self.status, self.text, self.again = status, text, again


class ClientGone(Exception):
    """The client left in the middle of its request."""


@dataclass(slots=True)
class Hand:
    """Bytes of uploads that are in memory now, of ``most``."""

    most: int
    held: int = 0

    def take(self, count: int) -> None:
        """Hold ``count`` bytes more; raises `Rejected` where there is no room."""
        if self.held + count > self.most:
            raise Rejected(503, "Too much is being sent at once; try again soon.", again=2)
        self.held += count


class Upload:
    """One request's body; leave it as a context to give its room in ``hand`` back."""

    def __init__(self, request: Request, limits: Limits, hand: Hand) -> None:
        self._request, self._limits, self._hand = request, limits, hand
        self._held = 0
        self._ended = False

    def __enter__(self) -> Upload:
        return self

    def __exit__(self, *_: object) -> None:
        self._hand.held -= self._held
        self._held = 0

    async def films(self, name: str) -> list[Film]:
        """The films of a request; a raw body is called ``name``. Raises `Rejected`."""
        kind = self._request.headers.get("content-type", "").partition(";")[0].strip().lower()
        self._check_headers(kind)
        if kind == "multipart/form-data":
            return await self._parts()
        body = b"".join([chunk async for chunk in self._chunks(self._limits.film_bytes)])
        return [Film(name, body)]

    async def drain(self) -> None:
        """Throw the rest of the body away, so that the client comes to read the answer."""
        if not self._ended:
            await drain(self._request.receive)

    def _check_headers(self, kind: str) -> None:
        headers = self._request.headers
        if headers.get("content-encoding", "identity").lower() != "identity":
            raise Rejected(415, "An encoded body is not read: send the films as they are.")
        if kind != "multipart/form-data" and kind not in PICTURES:
            raise Rejected(415, f"Send multipart/form-data, or one film as {', '.join(PICTURES)}.")
        length = headers.get("content-length", "")
        if length.isascii() and length.isdigit() and int(length) > self._limits.request_bytes:
            raise _too_much(self._limits.request_bytes)

    async def _parts(self) -> list[Film]:
        parser = _Parser(self._request, self._chunks(self._limits.request_bytes), self._limits)
        try:
            form = await parser.parse()
        except MultiPartException as error:
            if str(error.message).startswith("Too many"):
                raise Rejected(422, f"At most {self._limits.films} films a request.") from error
            raise Rejected(400, "The multipart body is broken.") from error
        except (FormParserError, ValueError, KeyError) as error:
            raise Rejected(400, "The multipart body is broken.") from error
        films = []
        for part in form.getlist(FIELD):
            if not isinstance(part, UploadFile):
                raise Rejected(422, f"The field {FIELD!r} must hold files.")
            films.append(Film(part.filename or "", await part.read()))
            await part.close()
        if not films:
            raise Rejected(422, f"There is no file in the field {FIELD!r}.")
        return films

    async def _chunks(self, most: int) -> AsyncGenerator[bytes, None]:
        """The body as it comes, at most ``most`` bytes, and not too slowly."""
        loop, limits = asyncio.get_running_loop(), self._limits
        last = loop.time() + limits.upload_seconds
        total = 0
        while not self._ended:
            until = min(loop.time() + limits.idle_seconds, last)
            try:
                async with asyncio.timeout_at(until):
                    chunk = await self._receive()
            except TimeoutError as error:
                raise Rejected(408, "The upload was too slow and was ended.") from error
            total += len(chunk)
            if total > most:
                raise _too_much(most)
            self._hand.take(len(chunk))
            self._held += len(chunk)
            if chunk:
                yield chunk

    async def _receive(self) -> bytes:
        message = await self._request.receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        self._ended = not message.get("more_body", False)
        body: bytes = message.get("body", b"")
        return body


class _Parser(MultiPartParser):
    """Starlette's, with a limit on each file, and with files that stay in memory."""

    spool_max_size = sys.maxsize

    def __init__(
        self, request: Request, stream: AsyncGenerator[bytes, None], limits: Limits
    ) -> None:
        super().__init__(request.headers, stream, max_files=limits.films, max_fields=_OTHER_FIELDS)
        self._most, self._size = limits.film_bytes, 0

    def on_part_begin(self) -> None:
        """Begin to count."""
        self._size = 0
        super().on_part_begin()

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        """Count, and end it all where a file is too large."""
        self._size += end - start
        if self._size > self._most:
            raise Rejected(413, f"A film may have at most {self._most // MB} MB.")
        super().on_part_data(data, start, end)


def _too_much(most: int) -> Rejected:
    return Rejected(413, f"At most {most / MB:.3g} MB are taken here.")
