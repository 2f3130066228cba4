"""The bundle: everything a reader needs in one file, refused if it was damaged.

A ``.pneumo`` file is a zip whose members are stored as they are: ``manifest.json``, its digest
``manifest.sha256``, ``network.onnx`` and ``films.csv`` (hashes of the films that the network has
seen). The manifest holds the digests of the other members. The digests find damage and careless
edits; they are no signature and do not show who made the file.
"""

from __future__ import annotations

import csv
import io
import json
import zipfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pneumoscope import files, preprocess
from pneumoscope.errors import PneumoscopeError
from pneumoscope.inference.fusion import Fusion
from pneumoscope.inference.guard import Guard
from pneumoscope.metrics.calibration import Calibration, OperatingPoints
from pneumoscope.preprocess import Preprocessing

FORMAT = 2
_WITHOUT_FUSION = 1  # still written where there is none: older versions read it too
SHIPPED = Path(__file__).parents[1] / "weights" / "shipped.pneumo"
MAX_BYTES = 2**30
_MANIFEST, _DIGEST, _NETWORK, _FILMS = (
    "manifest.json",
    "manifest.sha256",
    "network.onnx",
    "films.csv",
)
_FILM_FIELDS = ("sha256", "perceptual_hash", "patient", "split")
# A fixed time stamp: the same content gives the same file.
_TIME_STAMP = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class SeenFilm:
    """A film of the training or validation split, without its name.

    ``sha256`` of the file, ``perceptual_hash`` (64 hexadecimal digits) of the network's input,
    ``patient``: salted hash of the patient (see ``Bundle.salt``), ``split``: train, val, or fused
    for a film that fitted the fusion, which has no perceptual hash.
    """

    sha256: str
    perceptual_hash: str
    patient: str
    split: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """A network and all that turns a film into a reading with it.

    ``network`` is ONNX: input ``pixels`` (films, size, size) uint8, output ``logit`` (films,)
    float32, perhaps ``subtype`` (films,), a logit of viral against bacterial pneumonia that
    ``subtype`` calibrates, and ``map`` (films, h, w). ``classes`` are the names of a negative and a
    positive call. ``provenance`` says from what, when and how well it was trained. Where there is a
    ``fusion``, calibration and operating points are those of the film and its fields together.
    """

    network: bytes
    classes: tuple[str, str]
    preprocessing: Preprocessing
    calibration: Calibration
    operating_points: OperatingPoints
    guard: Guard
    subtype: Calibration | None = None
    fusion: Fusion | None = None
    salt: str = ""
    provenance: dict[str, Any] = field(default_factory=dict)
    films: tuple[SeenFilm, ...] = ()
    path: Path | None = None

    def to_json(self) -> dict[str, Any]:
        """The manifest, without format number and digests."""
        return {
            "classes": list(self.classes),
            "preprocessing": {
                **self.preprocessing.to_json(),
                "code_version": preprocess.CODE_VERSION,
            },
            "calibration": self.calibration.to_json(),
            "operating_points": self.operating_points.to_json(),
            "subtype": None if self.subtype is None else self.subtype.to_json(),
            "guard": self.guard.to_json(),
            **({} if self.fusion is None else {"fusion": self.fusion.to_json()}),
            "salt": self.salt,
            "provenance": self.provenance,
        }

    def film_alone(self) -> Bundle:
        """This bundle without its fusion, with the film's own calibration and operating points."""
        if self.fusion is None:
            return self
        own = self.fusion.film_alone
        return replace(
            self,
            fusion=None,
            calibration=own.calibration,
            operating_points=own.operating_points,
        )


def hash_patient(salt: str, patient: str) -> str:
    """A patient as a bundle lists it: 16 hexadecimal digits of a salted SHA-256."""
    return files.sha256(f"{salt}\0{patient}".encode())[:16]


def save_bundle(bundle: Bundle, path: Path | str) -> None:
    """Write ``bundle`` to ``path`` in one step."""
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(_FILM_FIELDS)
    writer.writerows(tuple(getattr(film, name) for name in _FILM_FIELDS) for film in bundle.films)
    members = {_NETWORK: bundle.network, _FILMS: table.getvalue().encode()}
    manifest = json.dumps(
        {
            "format": _WITHOUT_FUSION if bundle.fusion is None else FORMAT,
            "members": {name: files.sha256(data) for name, data in members.items()},
            **bundle.to_json(),
        },
        indent=2,
        allow_nan=False,
        ensure_ascii=False,
    ).encode()
    members = {_MANIFEST: manifest, _DIGEST: files.sha256(manifest).encode(), **members}
    with files.write_beside(path) as beside, zipfile.ZipFile(beside, "w") as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name, _TIME_STAMP), data)


def load_bundle(path: Path | str | None = None) -> Bundle:
    """The bundle in ``path``, or the one that ships (``SHIPPED``).

    Raises ``PneumoscopeError`` if it is foreign, damaged or newer.
    """
    path = SHIPPED if path is None else path
    path = Path(path)
    members = _members(path)
    try:
        manifest = json.loads(members[_MANIFEST])
        newer = manifest["format"] > FORMAT
    except (ValueError, KeyError, TypeError) as error:
        raise _damaged(path) from error
    if newer:
        raise PneumoscopeError(
            f"{path} has format {manifest['format']}, newer than this version reads ({FORMAT}); "
            "upgrade pneumoscope."
        )
    if members[_DIGEST] != files.sha256(members[_MANIFEST]).encode():
        raise _damaged(path)
    try:
        for name, digest in manifest["members"].items():
            if files.sha256(members[name]) != digest:
                raise _damaged(path)
        shape = dict(manifest["preprocessing"])
        code_version = shape.pop("code_version")
        bundle = Bundle(
            network=members[_NETWORK],
            classes=_pair(manifest["classes"]),
            preprocessing=Preprocessing.from_json(shape),
            calibration=Calibration.from_json(manifest["calibration"]),
            operating_points=OperatingPoints.from_json(manifest["operating_points"]),
            guard=Guard.from_json(manifest["guard"]),
            subtype=Calibration.from_json(told) if (told := manifest.get("subtype")) else None,
            fusion=Fusion.from_json(told) if (told := manifest.get("fusion")) else None,
            salt=manifest["salt"],
            provenance=manifest["provenance"],
            films=_films(members[_FILMS].decode()),
            path=path,
        )
    except (ValueError, KeyError, TypeError) as error:
        raise _damaged(path) from error
    if code_version != preprocess.CODE_VERSION:
        raise PneumoscopeError(
            f"{path} was made for version {code_version} of the preprocessing and this is version "
            f"{preprocess.CODE_VERSION}; export it again from its run."
        )
    return bundle


def _members(path: Path) -> dict[str, bytes]:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise PneumoscopeError(f"{path} is larger than any bundle ({MAX_BYTES >> 20} MB).")
        with zipfile.ZipFile(path) as archive:
            listed = archive.infolist()
            expected = [_MANIFEST, _DIGEST, _NETWORK, _FILMS]
            # Stored members cannot unfold into more bytes than the file has.
            stored = all(info.compress_type == zipfile.ZIP_STORED for info in listed)
            if [info.filename for info in listed] != expected or not stored:
                raise PneumoscopeError(f"{path} is not a pneumoscope bundle.")
            return {info.filename: archive.read(info) for info in listed}
    except OSError as error:
        reason = error.strerror or "it cannot be read"
        raise PneumoscopeError(f"The bundle {path} cannot be opened: {reason}.") from error
    except zipfile.BadZipFile as error:
        with path.open("rb") as file:
            begins_as_zip = file.read(2) == b"PK"
        if begins_as_zip:
            raise _damaged(path) from error
        raise PneumoscopeError(f"{path} is not a pneumoscope bundle.") from error


def _films(table: str) -> tuple[SeenFilm, ...]:
    rows = csv.reader(io.StringIO(table))
    if tuple(next(rows)) != _FILM_FIELDS:
        raise ValueError("other columns")
    return tuple(SeenFilm(*row) for row in rows)


def _pair(names: list[str]) -> tuple[str, str]:
    negative, positive = names
    return negative, positive


def _damaged(path: Path) -> PneumoscopeError:
    return PneumoscopeError(
        f"The bundle {path} is damaged or was altered; copy it again or export it anew."
    )
