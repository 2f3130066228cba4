from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

import pneumoscope
from pneumoscope.inference import reader, reading
from pneumoscope.inference.reading import Case, Reading


def test_a_case_is_a_film_with_perhaps_nothing_beside_it() -> None:
    assert Case(Path("a.png")).fields == {}
    with pytest.raises(dataclasses.FrozenInstanceError):
        Case("a.png").film = "b.png"  # type: ignore[misc]


def test_a_reading_of_a_plain_bundle_has_nothing_of_the_film_alone() -> None:
    said = Reading("a.png", reading.READ, 0.5, "NORMAL", None)
    assert (said.film_probability, said.film_logit, said.notes) == (None, None, ())


def test_the_reader_gives_the_same_names() -> None:
    assert pneumoscope.Case is reader.Case is Case
    assert reader.Reading is Reading
