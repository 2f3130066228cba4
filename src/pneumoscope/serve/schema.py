"""What the OpenAPI schema says beyond the models: bodies of films, pictures, errors."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from fastapi import FastAPI

from pneumoscope.serve.messages import Problem
from pneumoscope.serve.uploads import FIELD, PICTURES

Responses = dict[int | str, dict[str, Any]]
_MEANINGS = {
    400: "The upload is broken.",
    401: "A token is needed, or this one is not known.",
    403: "Another host name, or another site's page.",
    404: "There is no such thing, or it is forgotten.",
    408: "The upload was too slow.",
    413: "Too many bytes.",
    415: "A type that is not read, or an encoded body.",
    422: "A part is missing or not as it should be, or there are too many.",
    503: "No room now; Retry-After says when.",
}


def answers(*statuses: int) -> Responses:
    """Errors that a route gives."""
    # Not as ``model``, which FastAPI puts under the media type of the route's good answer.
    content = {"application/json": {"schema": Problem.model_json_schema()}}
    return {status: {"content": content, "description": _MEANINGS[status]} for status in statuses}


def ask_for_tokens(app: FastAPI, free: Collection[str]) -> None:
    """Say in the schema that all routes but the ``free`` want a bearer token."""
    told = app.openapi()
    schemes = told.setdefault("components", {}).setdefault("securitySchemes", {})
    schemes["token"] = {"type": "http", "scheme": "bearer"}
    for path, operations in told["paths"].items():
        for operation in operations.values():
            if path not in free:
                operation["security"] = [{"token": []}]


def picture(media_type: str = "image/png") -> Responses:
    """A picture in answer."""
    schema = {"type": "string", "format": "binary"}
    return {200: {"content": {media_type: {"schema": schema}}, "description": "The picture."}}


def text(media_type: str) -> Responses:
    """A text in answer."""
    return {200: {"content": {media_type: {"schema": {"type": "string"}}}, "description": "Text."}}


def film_bodies(most: int) -> dict[str, Any]:
    """The body of an upload: ``files`` of a form, at most ``most``, or one film as it is."""
    raw = {"type": "string", "format": "binary"}
    form = {
        "type": "object",
        "required": [FIELD],
        "properties": {
            FIELD: {
                "type": "array",
                "minItems": 1,
                "maxItems": most,
                "items": {"type": "string", "format": "binary"},
            }
        },
    }
    content: dict[str, Any] = {"multipart/form-data": {"schema": form}}
    content |= {kind: {"schema": raw} for kind in PICTURES}
    return {"required": True, "content": content}
