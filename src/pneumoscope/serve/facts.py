"""A service's bundle, readings and limits in the forms of `messages`."""

from __future__ import annotations

from collections import Counter
from importlib import metadata

from pneumoscope.metrics import OPERATING_POINTS
from pneumoscope.serve import messages
from pneumoscope.serve.service import Service
from pneumoscope.serve.store import Kept


def bundle_facts(service: Service) -> messages.BundleFacts:
    """What reads the films, and what one request may bring."""
    bundle, limits = service.reader.bundle, service.limits
    points = {name: bundle.operating_points.threshold(name) for name in OPERATING_POINTS}
    calibration = bundle.calibration
    return messages.BundleFacts.model_validate(
        {
            "name": "unnamed" if bundle.path is None else bundle.path.stem,
            "version": metadata.version("pneumoscope"),
            "sha256": service.network_sha256,
            "classes": bundle.classes,
            "operating_point": service.operating_point,
            "operating_points": [
                {"name": name, "logit": at, "probability": float(service.reader.probability(at))}
                for name, at in points.items()
            ],
            "scale": {
                "temperature": calibration.temperature,
                "offset": calibration.offset,
                "fitted_prevalence": calibration.prevalence,
                "prevalence": service.prevalence or calibration.prevalence,
            },
            "subtypes": bundle.subtype is not None,
            "evidence": service.views.method,
            "input_size": bundle.preprocessing.size,
            "films_seen": dict(Counter(film.split for film in bundle.films)),
            "provenance": bundle.provenance,
            "limits": {
                "films": limits.films,
                "bytes_per_film": limits.film_bytes,
                "bytes_per_request": limits.request_bytes,
                "pixels_per_film": limits.pixels,
                "seconds": limits.upload_seconds,
            },
        }
    )


def film_reading(kept: Kept) -> messages.FilmReading:
    """A reading as it is sent."""
    said, here = kept.reading, f"/v1/readings/{kept.id}"
    return messages.FilmReading.model_validate(
        {
            "id": kept.id,
            "name": kept.name,
            "status": said.status,
            "probability": said.probability,
            "call": said.call,
            "reason": said.reason,
            "operating_point": said.operating_point or None,
            "logit": said.logit,
            "notes": list(said.notes),
            "subtype": said.subtype,
            "subtype_probability": said.subtype_probability,
            "links": {
                "self": here,
                "page": f"{here}/page",
                "film": f"{here}/film" if kept.film else None,
                "evidence": f"{here}/evidence" if kept.film else None,
            },
        }
    )
