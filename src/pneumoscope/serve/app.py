"""The HTTP door: requests -> the service, and its answers in the forms of `messages`."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
from collections.abc import AsyncIterator
from importlib import metadata, resources
from pathlib import Path
from typing import Annotated

from fastapi import FastAPI, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, HTMLResponse
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from pneumoscope.inference.reasons import reasons
from pneumoscope.serve import messages
from pneumoscope.serve.desk import Full
from pneumoscope.serve.facts import bundle_facts, film_reading
from pneumoscope.serve.gate import OPEN, Access, Gate, problem
from pneumoscope.serve.samples import ATTRIBUTION, SAMPLES, sample_bytes
from pneumoscope.serve.schema import answers, ask_for_tokens, film_bodies, picture, text
from pneumoscope.serve.service import Service
from pneumoscope.serve.sheet import LANGUAGES, POLICY, STYLE_HASH, Language, to_html
from pneumoscope.serve.store import Kept
from pneumoscope.serve.uploads import ClientGone, Hand, Rejected, Upload
from pneumoscope.serve.worklist import to_csv

_SWEEP_SECONDS = 30.0
_ROWS = 1000  # of a table at most
_FORGOTTEN = "There is no such reading, or it is forgotten."
_NO_PICTURE = "A refused film has no picture."


def create_app(service: Service, *, access: Access | None = None) -> FastAPI:
    """The application in front of ``service``, which whoever made it closes."""

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        sweeper = asyncio.create_task(_sweep(service))
        yield
        sweeper.cancel()

    access = access or Access()
    app = FastAPI(
        title="Pneumoscope",
        version=metadata.version("pneumoscope"),
        summary="Chest films in, readings out. Not a medical device.",
        docs_url=None,  # its page loads scripts from another host
        redoc_url=None,
        lifespan=lifespan,
    )
    _add_readings(app, service)
    _add_pictures(app, service)
    _add_facts(app, service)
    _add_health(app, service)
    _add_page(app)
    _add_errors(app)
    if access.tokens:
        ask_for_tokens(app, OPEN)
    app.add_middleware(
        Gate,
        access=access,
        counts=service.counts,
        requests=service.limits.requests,
        styles=(STYLE_HASH,),
    )
    return app


def _add_readings(app: FastAPI, service: Service) -> None:
    hand = Hand(service.limits.hand_bytes)

    @app.post(
        "/v1/readings",
        responses=answers(400, 401, 403, 408, 413, 415, 422, 503),
        openapi_extra={"requestBody": film_bodies(service.limits.films)},
    )
    async def read_films(
        request: Request,
        name: Annotated[str, Query(max_length=500, description="Of a film sent raw.")] = "",
    ) -> messages.Readings:
        """Read one film or many, and give the readings in their order."""
        with Upload(request, service.limits, hand) as upload:
            try:
                if service.desk.full:
                    raise Full(service.desk.wait_seconds())
                kept = await service.read(await upload.films(name))
            except (Rejected, Full) as error:
                if getattr(error, "status", 503) != 408:  # who was too slow is not waited for
                    await upload.drain()
                raise
        return messages.Readings(readings=[film_reading(each) for each in kept])

    @app.get("/v1/readings.csv", responses=text("text/csv") | answers(401, 403, 422, 503))
    async def table(
        ids: Annotated[str, Query(max_length=64 * _ROWS, description="Separated by commas.")],
    ) -> Response:
        """Readings as a table to download, in the order of ``ids``, without forgotten ones."""
        found = [service.store.get(key) for key in ids.split(",")[:_ROWS]]
        return Response(
            to_csv(kept for kept in found if kept is not None),
            media_type="text/csv",
            headers={"Content-Disposition": 'attachment; filename="readings.csv"'},
        )

    @app.get("/v1/readings/{id}", responses=answers(401, 403, 404, 422, 503))
    async def show_reading(id: str) -> messages.FilmReading:
        """One reading."""
        return film_reading(_found(service, id))

    @app.delete("/v1/readings/{id}", status_code=204, responses=answers(401, 403, 404, 422, 503))
    async def forget_reading(id: str) -> None:
        """Forget a reading and its film now."""
        if not service.store.drop(id):
            raise HTTPException(404, _FORGOTTEN)


def _add_pictures(app: FastAPI, service: Service) -> None:
    errors = answers(401, 403, 404, 422, 503)

    @app.get("/v1/readings/{id}/film", response_class=Response, responses=picture() | errors)
    async def show_film(id: str) -> Response:
        """The film as it was read, 8-bit grey PNG."""
        kept = _with_film(service, id)
        png = await service.draw(service.views.film, kept.film, kept.reading)
        return Response(png, media_type="image/png")

    @app.get("/v1/readings/{id}/evidence", response_class=Response, responses=picture() | errors)
    async def show_evidence(id: str) -> Response:
        """Where in the film the score comes from, RGBA PNG to be stretched over the film."""
        kept = _with_film(service, id)
        found = await service.draw(service.views.evidence, kept.film)
        if found is None:
            raise HTTPException(404, _NO_PICTURE)
        told = {"Evidence-Limit": f"{found.limit:.4g}", "Evidence-Method": found.method}
        return Response(found.png, media_type="image/png", headers=told)

    @app.get(
        "/v1/readings/{id}/page",
        response_class=HTMLResponse,
        responses=text("text/html") | answers(401, 403, 404, 422, 503),
    )
    async def show_page(id: str, lang: Language = LANGUAGES[0]) -> HTMLResponse:
        """One reading as a page that needs nothing else, to be kept or printed."""
        kept = _found(service, id)
        html = await service.draw(functools.partial(to_html, language=lang), service, kept)
        return HTMLResponse(html, headers={"Content-Security-Policy": POLICY})


def _found(service: Service, key: str) -> Kept:
    kept = service.store.get(key)
    if kept is None:
        raise HTTPException(404, _FORGOTTEN)
    return kept


def _with_film(service: Service, key: str) -> Kept:
    kept = _found(service, key)
    if not kept.film:
        raise HTTPException(404, _NO_PICTURE)
    return kept


def _add_facts(app: FastAPI, service: Service) -> None:
    facts = bundle_facts(service)

    @app.get("/v1/bundle", responses=answers(401, 403, 503))
    async def show_bundle() -> messages.BundleFacts:
        """What reads the films, and what one request may bring."""
        return facts

    @app.get("/v1/samples", responses=answers(401, 403, 503))
    async def list_samples() -> messages.Samples:
        """Films to try."""
        listed = [
            messages.Sample(name=name, truth=truth, subtype=kind, url=f"/v1/samples/{name}")
            for name, (truth, kind) in SAMPLES.items()
        ]
        return messages.Samples(samples=listed, attribution=ATTRIBUTION)

    @app.get(
        "/v1/samples/{name}",
        response_class=Response,
        responses=picture("image/jpeg") | answers(401, 403, 404, 422, 503),
    )
    async def show_sample(name: str) -> Response:
        """One film to try."""
        try:
            return Response(sample_bytes(name), media_type="image/jpeg")
        except KeyError as error:
            raise HTTPException(404, "There is no such sample.") from error


def _add_health(app: FastAPI, service: Service) -> None:
    @app.get("/healthz", responses=answers(403, 503))
    async def healthz() -> messages.Health:
        """Whether the program answers."""
        return messages.Health(status="ok")

    @app.get("/readyz", responses=answers(403) | {503: {"model": messages.Health}})
    async def readyz(response: Response) -> messages.Health:
        """Whether another film would be taken."""
        if not service.desk.full:
            return messages.Health(status="ok")
        response.status_code = 503
        response.headers["Retry-After"] = str(service.desk.wait_seconds())
        return messages.Health(status="stopping" if service.desk.closed else "full")

    @app.get("/metrics", responses=text("text/plain") | answers(401, 403, 503))
    async def metrics() -> Response:
        """Counts for Prometheus."""
        return Response(service.counts.text(), media_type="text/plain; version=0.0.4")


def _add_page(app: FastAPI) -> None:
    folder = Path(str(resources.files("pneumoscope.serve") / "page"))
    korean = reasons("ko")

    @app.get("/", include_in_schema=False)
    async def index() -> FileResponse:
        return FileResponse(folder / "index.html")

    @app.get("/static/reasons.ko.js", include_in_schema=False)
    async def reasons_in_korean() -> Response:
        parts = {"terms": korean.terms, "sentences": korean.sentences}
        lines = [f"export const {name} = {json.dumps(part)};" for name, part in parts.items()]
        return Response("\n".join(lines), media_type="text/javascript")

    app.mount("/static", StaticFiles(directory=folder), name="static")


def _add_errors(app: FastAPI) -> None:
    @app.exception_handler(Rejected)
    async def rejected(_: Request, error: Rejected) -> Response:
        # Whatever of the body is still on its way is not read any more.
        close = {"Connection": "close"} if error.status in (408, 413, 422) else None
        return problem(error.status, error.text, again=error.again, headers=close)

    @app.exception_handler(Full)
    async def full(_: Request, error: Full) -> Response:
        return problem(503, str(error), again=error.seconds)

    @app.exception_handler(ClientGone)
    async def gone(_: Request, error: ClientGone) -> Response:
        return problem(400, "The upload ended half-way.")  # nobody is there to read it

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> Response:
        where = ", ".join(sorted({str(each["loc"][-1]) for each in error.errors()}))
        return problem(422, f"This is not as it should be: {where}.")

    @app.exception_handler(HTTPException)
    async def http(_: Request, error: HTTPException) -> Response:
        return problem(error.status_code, str(error.detail), headers=dict(error.headers or {}))


async def _sweep(service: Service) -> None:
    """What is too old is gone also where nobody comes any more."""
    while True:
        await asyncio.sleep(_SWEEP_SECONDS)
        service.store.forget()
