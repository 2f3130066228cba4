"""The HTTP door: requests -> the service, and its answers in the forms of `messages`."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import AsyncIterator
from importlib import metadata, resources
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from fastapi import FastAPI, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from pneumoscope.serve import messages
from pneumoscope.serve.desk import Full
from pneumoscope.serve.facts import bundle_facts, film_reading
from pneumoscope.serve.samples import ATTRIBUTION, SAMPLES, sample_bytes
from pneumoscope.serve.service import Service
from pneumoscope.serve.store import Kept
from pneumoscope.serve.table import to_csv
from pneumoscope.serve.uploads import ClientGone, Hand, Rejected, Upload

T = TypeVar("T")
_SWEEP_SECONDS = 30.0


def create_app(service: Service) -> FastAPI:
    """The application in front of ``service``, which it closes when it is shut down."""

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        sweeper = asyncio.create_task(_sweep(service))
        yield
        sweeper.cancel()
        await asyncio.to_thread(service.close)

    app = FastAPI(
        title="Pneumoscope",
        version=metadata.version("pneumoscope"),
        summary="Chest films in, readings out. Not a medical device.",
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
    )
    app.state.service = service
    _add_readings(app, service)
    _add_facts(app, service)
    _add_health(app, service)
    _add_page(app)
    _add_errors(app)
    return app


def _add_readings(app: FastAPI, service: Service) -> None:
    hand = Hand(service.limits.hand_bytes)

    @app.post("/v1/readings")
    async def read(
        request: Request, name: Annotated[str, Query(max_length=500)] = ""
    ) -> messages.Readings:
        """Read one or many films."""
        with Upload(request, service.limits, hand) as upload:
            try:
                if service.desk.full:
                    raise Full(service.desk.wait_seconds())
                kept = await service.read(await upload.films(name))
            except (Rejected, Full):
                await upload.drain()
                raise
        return messages.Readings(readings=[film_reading(each) for each in kept])

    @app.get("/v1/readings.csv")
    async def table(ids: Annotated[str, Query()]) -> Response:
        """Readings as a CSV table, in the order of ``ids``."""
        found = [service.store.get(key) for key in ids.split(",")[:1000]]
        return Response(
            to_csv(kept for kept in found if kept is not None),
            media_type="text/csv",
            headers={"Content-Disposition": 'attachment; filename="readings.csv"'},
        )

    @app.get("/v1/readings/{key}")
    async def one(key: str) -> messages.FilmReading:
        """One reading."""
        return film_reading(_found(service, key))

    @app.delete("/v1/readings/{key}", status_code=204)
    async def forget(key: str) -> None:
        """Forget a reading and its film now."""
        if not service.store.drop(key):
            raise HTTPException(404, _FORGOTTEN)

    @app.get("/v1/readings/{key}/film", response_class=Response)
    async def film(key: str) -> Response:
        """The film as it was read, grey PNG."""
        kept = _shown(service, key)
        png = await asyncio.to_thread(service.views.film, kept.film, kept.reading)
        return Response(png, media_type="image/png")

    @app.get("/v1/readings/{key}/evidence", response_class=Response)
    async def evidence(key: str) -> Response:
        """Where in the film the score comes from, RGBA PNG to be laid over the film."""
        kept = _shown(service, key)
        found = await asyncio.to_thread(service.views.evidence, kept.film)
        if found is None:
            raise HTTPException(404, _NO_PICTURE)
        told = {"Evidence-Limit": f"{found.limit:.4g}", "Evidence-Method": found.method}
        return Response(found.png, media_type="image/png", headers=told)

    @app.get("/v1/readings/{key}/page", response_class=HTMLResponse)
    async def page(key: str, lang: Literal["en", "ko"] = "en") -> HTMLResponse:
        """One reading as a page that needs nothing else."""
        kept = _found(service, key)
        return HTMLResponse(f"<!doctype html><title>{lang}</title>{kept.reading.status}")


_FORGOTTEN = "There is no such reading, or it is forgotten."
_NO_PICTURE = "A refused film has no picture."


def _found(service: Service, key: str) -> Kept:
    kept = service.store.get(key)
    if kept is None:
        raise HTTPException(404, _FORGOTTEN)
    return kept


def _shown(service: Service, key: str) -> Kept:
    kept = _found(service, key)
    if not kept.film:
        raise HTTPException(404, _NO_PICTURE)
    return kept


def _add_facts(app: FastAPI, service: Service) -> None:
    facts = functools.cache(lambda: bundle_facts(service))

    @app.get("/v1/bundle")
    async def bundle() -> messages.BundleFacts:
        """What reads the films."""
        return facts()

    @app.get("/v1/samples")
    async def samples() -> messages.Samples:
        """Films to try."""
        listed = [
            messages.Sample(name=name, truth=truth, subtype=kind, url=f"/v1/samples/{name}")
            for name, (truth, kind) in SAMPLES.items()
        ]
        return messages.Samples(samples=listed, attribution=ATTRIBUTION)

    @app.get("/v1/samples/{name}", response_class=Response)
    async def sample(name: str) -> Response:
        """One film to try."""
        try:
            return Response(sample_bytes(name), media_type="image/jpeg")
        except KeyError as error:
            raise HTTPException(404, "There is no such sample.") from error


def _add_health(app: FastAPI, service: Service) -> None:
    @app.get("/healthz")
    async def healthz() -> messages.Health:
        """Whether the program answers."""
        return messages.Health(status="ok")

    @app.get("/readyz")
    async def readyz(response: Response) -> messages.Health:
        """Whether another film would be taken."""
        if service.desk.full:
            response.status_code = 503
            return messages.Health(status="full")
        return messages.Health(status="ok")

    @app.get("/metrics", response_class=Response)
    async def metrics() -> Response:
        """Counts for Prometheus."""
        return Response(service.metrics.text(), media_type="text/plain; version=0.0.4")


def _add_page(app: FastAPI) -> None:
    folder = Path(str(resources.files("pneumoscope.serve") / "page"))

    @app.get("/", include_in_schema=False)
    async def index() -> FileResponse:
        return FileResponse(folder / "index.html")

    app.mount("/static", StaticFiles(directory=folder), name="static")


def _add_errors(app: FastAPI) -> None:
    @app.exception_handler(Rejected)
    async def rejected(_: Request, error: Rejected) -> Response:
        return _problem(error.status, error.text, again=error.again)

    @app.exception_handler(Full)
    async def full(_: Request, error: Full) -> Response:
        return _problem(503, str(error), again=error.seconds)

    @app.exception_handler(ClientGone)
    async def gone(_: Request, error: ClientGone) -> Response:
        return _problem(400, "The upload ended half-way.")  # nobody is there to read it

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> Response:
        where = ", ".join(str(each["loc"][-1]) for each in error.errors())
        return _problem(422, f"This is not as it should be: {where}.")

    @app.exception_handler(HTTPException)
    async def http(_: Request, error: HTTPException) -> Response:
        return _problem(error.status_code, str(error.detail), headers=dict(error.headers or {}))


def _problem(
    status: int, text: str, *, again: int | None = None, headers: dict[str, str] | None = None
) -> Response:
    headers = dict(headers or {})
    if again is not None:
        headers["Retry-After"] = str(again)
    return JSONResponse(messages.Problem(error=text).model_dump(), status, headers)


async def _sweep(service: Service) -> None:
    """What is too old is gone also where nobody comes any more."""
    while True:
        await asyncio.sleep(_SWEEP_SECONDS)
        service.store.forget()
