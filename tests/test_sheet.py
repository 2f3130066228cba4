from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser

import numpy as np
import pytest

import films
from conftest import draw_film
from pneumoscope.inference.bundle import Bundle
from pneumoscope.inference.reader import REFUSED, Reader, Reading
from pneumoscope.serve import sheet
from pneumoscope.serve.service import Service
from pneumoscope.serve.sheet import LANGUAGES, STYLE_HASH, to_html
from pneumoscope.serve.store import Kept


@pytest.fixture(scope="module")
def service(finder_bundle: Bundle) -> Iterator[Service]:
    made = Service(Reader(finder_bundle))
    yield made
    made.close()


@pytest.fixture(scope="module")
def kept(service: Service) -> Kept:
    film = films.encoded(draw_film(np.random.default_rng(1), pneumonia=True, side=144), "png")
    return service.store.put("<b>&name.png", service.reader.read_one(film), film)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_page_holds_all_and_asks_for_nothing(
    service: Service, kept: Kept, language: sheet.Language
) -> None:
    page = to_html(service, kept, language=language)
    assert f'<html lang="{language}">' in page
    assert page.count("Not a medical device") == 1
    assert page.count("data:image/png;base64,") == 3
    assert "<script" not in page
    assert not re.search(r'(src|href)="(?!data:)', page)
    assert ' style="' not in page  # the policy would not let it through
    assert STYLE_HASH in page
    assert "<b>" not in page
    assert "&lt;b&gt;&amp;name.png" in page
    assert kept.id in page
    assert service.network_sha256 in page
    HTMLParser().feed(page)


def test_a_refused_film_has_its_reason_and_no_scale(service: Service) -> None:
    said = Reading("", REFUSED, None, None, "too <small>")
    page = to_html(service, service.store.put("a", said, b""), language="en")
    assert "too &lt;small&gt;" in page
    assert "<svg" not in page
    assert "<img" not in page


def test_reasons_and_notes_are_said_in_korean_or_marked_as_english(service: Service) -> None:
    notes = ("EXIF rotation applied", "new <note>")
    said = Reading("", REFUSED, None, None, "the file is empty", notes=notes)
    page = to_html(service, service.store.put("a", said, b""), language="ko")
    assert "빈 파일입니다" in page
    assert 'EXIF의 회전을 적용했습니다; <span lang="en">new &lt;note&gt;</span>' in page
    page = to_html(service, service.store.put("b", said, b""), language="en")
    assert "EXIF rotation applied; new &lt;note&gt;" in page


def test_both_languages_have_the_same_words() -> None:
    english, korean = (sheet._words(language) for language in LANGUAGES)
    assert list(english) == list(korean)
    for key, text in english.items():
        places = set(re.findall(r"\{\w+\}", text))
        assert set(re.findall(r"\{\w+\}", korean[key])) == places, key


@pytest.mark.parametrize(
    ("probability", "text"),
    [(0.0, "0.000"), (1e-9, "< 0.001"), (0.5, "0.500"), (0.9999, "> 0.999"), (1.0, "1.000")],
)
def test_a_share_is_never_more_certain_than_it_is(probability: float, text: str) -> None:
    assert sheet._share(probability) == text


def test_the_scale_rises_and_stays_on_the_drawing() -> None:
    places = [sheet._x(at) for at in (0.0, 0.001, 0.1, 0.5, 0.9, 1.0)]
    assert places == sorted(places)
    assert (places[0], places[3], places[-1]) == (20, 360, 700)
