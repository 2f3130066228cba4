"""Suggestions of films to label and of labels to check, as values, as JSON and as text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pneumoscope.data.catalog import Film

SCHEMA = 1
SUGGESTIONS = "suggestions.json"
OUT_OF_FOLD, OF_BUNDLE = "out-of-fold", "bundle"
TO_LABEL, TO_CHECK = "to_label", "to_check"
_SHOWN = frozenset({".png", ".jpg", ".jpeg"})  # of ours, what Label Studio's Image tag shows


@dataclass(frozen=True, slots=True)
class Unsure:
    """A film to label next: ``probability`` (0 to 1, calibrated) of the positive class."""

    film: Film
    probability: float


@dataclass(frozen=True, slots=True)
class Doubtful:
    """A label to check; ``label`` is the class's name.

    ``self_confidence`` is the probability of that label, ``probability`` that of the positive
    class; ``confident`` says that the film counts as of the other class (see
    :func:`pneumoscope.metrics.label_errors.doubt_labels`).
    """

    film: Film
    label: str
    probability: float
    self_confidence: float
    confident: bool


@dataclass(frozen=True, slots=True)
class Counts:
    """Films of one of the two lists: given, read (or scored), and of interest.

    Of interest are, to label, patients; to check, contradicted labels, ``confident`` of them so.
    """

    films: int = 0
    read: int = 0
    found: int = 0
    confident: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestions:
    """What to look at, the most urgent first. ``scores`` says where probabilities of labels are of.

    ``refused`` is key and reason of each film that could not be read, ``root`` the folder that the
    films' keys start from, ``out`` the folder of the files; ``copied`` says that copies of the
    suggested films lie there.
    """

    out: Path
    root: Path
    time: str
    data: str
    bundle: dict[str, Any]
    asked: int
    scores: str
    to_label: tuple[Unsure, ...]
    to_check: tuple[Doubtful, ...]
    unlabelled: Counts
    labelled: Counts
    refused: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    copied: bool = False


def to_json(found: Suggestions) -> dict[str, Any]:
    """What ``suggestions.json`` holds."""
    return {
        "schema": SCHEMA,
        "time": found.time,
        "data": found.data,
        "bundle": found.bundle,
        "asked": found.asked,
        "unlabelled": _counts(found, TO_LABEL),
        "labelled": {**_counts(found, TO_CHECK), "scores": found.scores},
        "refused": [{"file": key, "reason": reason} for key, reason in found.refused],
        "notes": list(found.notes),
    }


def to_text(found: Suggestions, *, shown: int = 10) -> str:
    """What the command prints: the two lists in short, then notes."""
    unlabelled, labelled = found.unlabelled, found.labelled
    lines = []
    if unlabelled.films:
        lines.append(
            f"To label next: {len(found.to_label):,} of {unlabelled.read:,} unlabelled films that "
            f"were read ({unlabelled.found:,} patients)"
        )
        lines += _rows(found.to_label[:shown])
    if labelled.films:
        by = "out-of-fold scores" if found.scores == OUT_OF_FOLD else "the bundle's readings"
        lines.append(
            f"To check: {len(found.to_check):,} of {labelled.found:,} labels that {by} contradict, "
            f"{labelled.confident:,} of them confidently; {labelled.read:,} labels were looked at"
        )
        lines += _rows(found.to_check[:shown])
    if found.refused:
        key, reason = found.refused[0]
        lines.append(f"Refused: {len(found.refused):,} films; the first {key}: {reason}")
    lines += found.notes
    unshown = 0 if found.copied else _unshown(found)
    if unshown:
        lines.append(
            f"{unshown:,} suggested films are in a format that Label Studio does not show: --copy "
            "writes PNG copies."
        )
    lines.append(f"Tables and contact sheets: {found.out}. Not a medical device.")
    return "\n".join(lines)


def _rows(chosen: Sequence[Unsure | Doubtful]) -> list[str]:
    return [
        f"  {rank:>3}  probability {each.probability:.3f}  "
        + (f"labelled {each.label}  " if isinstance(each, Doubtful) else "")
        + each.film.key
        for rank, each in enumerate(chosen, start=1)
    ]


def _counts(found: Suggestions, name: str) -> dict[str, Any]:
    check = name == TO_CHECK
    counts = asdict(found.labelled if check else found.unlabelled)
    chosen: Sequence[Unsure | Doubtful] = found.to_check if check else found.to_label
    if check:
        counts["contradicted"] = counts.pop("found")
    else:
        counts["patients"] = counts.pop("found")
        del counts["confident"]
    written = [f"{name}.csv", f"{name}.png"] if chosen else []
    return {**counts, "suggested": len(chosen), "files": written}


def _unshown(found: Suggestions) -> int:
    """Suggested films that are named where they lie, in a format that browsers do not show."""
    chosen: Sequence[Unsure | Doubtful] = (*found.to_label, *found.to_check)
    return sum(each.film.path.suffix.casefold() not in _SHOWN for each in chosen)
