"""The contract of the REST service: every answer, field by field.

Routes (all errors are :class:`Problem`; a film that is refused is no error but a reading):

===== =============================== ==========================================================
POST  ``/v1/readings``                multipart, files in the field ``files``; or one film as the
                                      whole body, Content-Type ``image/jpeg``, ``image/png``,
                                      ``image/tiff``, ``application/dicom`` or
                                      ``application/octet-stream`` (name: ``?name=``)
                                      -> 200 :class:`Readings`, in the order given.
                                      400 broken upload, 401, 403 another site's page, 408 too
                                      slow, 413 too many bytes, 415 another type or an
                                      encoded body, 422 no file or too many, 503 with
                                      Retry-After: full
GET   ``/v1/readings/{id}``           :class:`FilmReading`; 404 once it is forgotten
DELETE ``/v1/readings/{id}``          forget it now -> 204
GET   ``/v1/readings/{id}/film``      the film as it was read (set upright), 8-bit grey PNG, longer
                                      side at most 2048 pixels; window/level is the page's to do.
                                      404 for a refused film
GET   ``/v1/readings/{id}/evidence``  RGBA PNG in the proportions of the film's picture, at most
                                      640 pixels: stretch it over the whole of it. Colour says for
                                      (warm) or against (cold), alpha how strongly; the strongest
                                      place is opaque, so lay it on at about 0.6. Header
                                      ``Evidence-Limit``: logits at that place;
                                      ``Evidence-Method``: cam or occlusion. 404 for a refused film
GET   ``/v1/readings/{id}/page``      ``?lang=en|ko``: one HTML page that needs nothing else
GET   ``/v1/readings.csv``            ``?ids=a,b,c`` (at most 1000; ids that are forgotten are left
                                      out) -> CSV, one row a film, as a download
GET   ``/v1/bundle``                  :class:`BundleFacts`
GET   ``/v1/samples``                 :class:`Samples`
GET   ``/v1/samples/{name}``          one sample film (JPEG), to be posted like any other
GET   ``/healthz``, ``/readyz``       :class:`Health`; ``readyz`` is 503 while full or stopping
GET   ``/metrics``                    Prometheus text
GET   ``/openapi.json``               the schema
GET   ``/``, ``/static/{path}``       the web page: ``page/index.html`` and what lies beside it
===== =============================== ==========================================================

With ``--token-file`` all of ``/v1/`` and ``/metrics`` want ``Authorization: Bearer TOKEN`` (401
with WWW-Authenticate otherwise); pictures have to be fetched with the header too, so a page shows
them through blob URLs. The content policy allows scripts and styles from ``/static/`` only (none
inline, but for the style sheet of a reading's page) and pictures from here, ``data:`` and
``blob:``.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

DISCLAIMER = "Not a medical device."
OperatingPoint = Literal["screen", "balanced", "confirm"]


class Message(BaseModel):
    """What every answer has in common."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Links(Message):
    """Where the parts of a reading are; a refused film has neither picture nor evidence."""

    self: str
    page: str
    film: str | None
    evidence: str | None


class FilmReading(Message):
    """What was said of one film. Probabilities are calibrated, 0 to 1; the logit has no bounds."""

    id: str = Field(description="Not to be guessed: whoever has it may see the film.")
    name: str = Field(description="The file's name as it was sent, without folders.")
    status: Literal["read", "refused"]
    probability: float | None = Field(ge=0, le=1, description="Of the positive class.")
    call: str | None = Field(description="A class, by the operating point's threshold.")
    reason: str | None = Field(description="Why it was refused.")
    operating_point: OperatingPoint | None
    logit: float | None
    notes: list[str] = Field(description="What was mended before it was read.")
    subtype: Literal["bacterial", "viral"] | None = Field(
        description="What it leans to, where pneumonia is called and the bundle tells them apart."
    )
    subtype_probability: float | None = Field(ge=0, le=1)
    links: Links


class Readings(Message):
    """Readings in the order in which the films were sent."""

    readings: list[FilmReading]
    disclaimer: str = DISCLAIMER


class Threshold(Message):
    """An operating point: a film is called where its logit is at or above ``logit``."""

    name: OperatingPoint
    logit: float
    probability: float = Field(ge=0, le=1, description="The same on the calibrated scale.")


class Scale(Message):
    """``probability = sigmoid(logit / temperature + offset)`` at the prevalence in use."""

    temperature: float
    offset: float
    fitted_prevalence: float = Field(description="Among the films of the calibration.")
    prevalence: float = Field(description="The one in use.")


class BundleFacts(Message):
    """What reads the films."""

    name: str
    version: str = Field(description="Of the program.")
    sha256: str = Field(description="Of the bundle's network.")
    classes: tuple[str, str] = Field(description="Names of a negative and a positive call.")
    operating_point: OperatingPoint = Field(description="The one in use.")
    operating_points: list[Threshold] = Field(description="screen, balanced, confirm: rising.")
    scale: Scale
    subtypes: bool = Field(description="Whether kinds of pneumonia are told apart.")
    evidence: Literal["cam", "occlusion"] = Field(description="cam is exact and quick.")
    input_size: int = Field(description="Pixels along each side of what the network sees.")
    films_seen: dict[str, int] = Field(description="Films the network was made with, by split.")
    provenance: dict[str, Any] = Field(description="From what and how it was trained.")
    limits: UploadLimits
    disclaimer: str = DISCLAIMER


class UploadLimits(Message):
    """What one request may bring."""

    films: int
    bytes_per_film: int
    bytes_per_request: int
    pixels_per_film: int
    seconds: float


class Sample(Message):
    """A film to try, with the truth that its data set gives (not what the bundle says)."""

    name: str
    truth: str
    subtype: Literal["bacterial", "viral"] | None
    url: str


class Samples(Message):
    """Films to try, and where they come from."""

    samples: list[Sample]
    attribution: str


class Health(Message):
    """``ok``, or why not."""

    status: Literal["ok", "full", "stopping"]


class Problem(Message):
    """Why a request was not answered as asked, in one sentence."""

    error: str
