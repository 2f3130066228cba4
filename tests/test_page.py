"""The page in a real browser: list, readings, refusals, language, keys, downloads, token.

``PNEUMOSCOPE_PICTURE=docs/pictures/page.png pytest tests/test_page.py -k picture`` takes the
README's picture anew.
"""

import csv
import io
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
from PIL import Image

from browsers import (
    Served,
    browser,
    choose,
    complaints,
    drop,
    finished,
    open_page,
    prefer,
    resize,
    served,
    states,
    until,
)
from pneumoscope.inference.bundle import load_bundle
from pneumoscope.inference.reader import Reader
from pneumoscope.serve.desk import Full
from pneumoscope.serve.service import Film
from pneumoscope.serve.store import Kept

pytest.importorskip("selenium", reason="needs pneumoscope[dev]")
from selenium.webdriver import ActionChains, Chrome, Keys

SAMPLES = Path(__file__).parents[1] / "src" / "pneumoscope" / "serve" / "samples"
NORMAL, BACTERIAL = SAMPLES / "normal-2.jpeg", SAMPLES / "bacterial-1.jpeg"
TOKEN = "a-token-of-the-tests"
PICTURE = Path(__file__).parents[1] / "docs" / "pictures" / "page.png"


@pytest.fixture(scope="module")
def downloads(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("downloads")


@pytest.fixture(scope="module")
def chrome(downloads: Path) -> Iterator[Chrome]:
    with browser(downloads) as found:
        yield found


@pytest.fixture(scope="module")
def service() -> Iterator[Served]:
    with served() as found:
        yield found


@pytest.fixture
def page(chrome: Chrome, service: Served) -> Iterator[Chrome]:
    """The page as somebody sees it for the first time; its console must stay silent."""
    complaints(chrome)
    resize(chrome, 1440, 900)
    open_page(chrome, service.url)
    yield chrome
    prefer(chrome, "en-US")
    assert complaints(chrome) == []


def text(page: Chrome, place: str) -> str:
    return page.find_element("css selector", place).text


def press(page: Chrome, *keys: str) -> None:
    ActionChains(page).send_keys(*keys).perform()


def focus(page: Chrome) -> str:
    return str(page.execute_script("return document.activeElement.id"))


def test_a_film_dropped_is_read_and_shown(page: Chrome) -> None:
    drop(page, BACTERIAL)
    assert finished(page, 1) == ["read"]
    said = text(page, "#said")
    assert "bacterial-1.jpeg" in said
    assert text(page, ".verdict") == "Called\nPneumonia\nProbability\n>99.9 %"
    assert "where 74.6 % of all films show pneumonia" in said
    marks = text(page, ".points").splitlines()
    assert [name for name in ("screen", "balanced in use", "confirm") if name in " ".join(marks)]
    [reading] = Reader(load_bundle()).read([BACTERIAL])
    assert reading.subtype == "bacterial"
    assert f"bacterial {100 * reading.subtype_probability:.1f} %" in said
    assert page.find_element("css selector", "svg.scale").get_attribute("aria-label")
    until(lambda: page.find_element("id", "film").is_displayed())


def test_several_films_and_what_is_no_film(page: Chrome, tmp_path: Path) -> None:
    words = tmp_path / "<img src=x onerror=alert(1)>.txt"
    words.write_text("no film")
    cut = tmp_path / "cut.jpeg"
    cut.write_bytes(BACTERIAL.read_bytes()[:2000])
    noise = tmp_path / "blank.png"
    Image.fromarray(np.full((300, 300), 90, np.uint8)).save(noise)
    folder = tmp_path / "ward"
    folder.mkdir()
    for name, film in (("a.jpeg", NORMAL), ("b.jpeg", BACTERIAL), (".hidden", NORMAL)):
        (folder / name).write_bytes(film.read_bytes())
    choose(page, NORMAL, words, cut, noise)
    assert finished(page, 4) == ["read", "refused", "refused", "refused"]
    drop(page, folder)
    assert finished(page, 6)[4:] == ["read", "read"]
    until(lambda: text(page, "#count") == "6 of 6 films done; 3 refused, 0 not sent")
    page.find_elements("css selector", "#list li")[1].click()
    said = text(page, "#said")
    assert "Not a JPEG, PNG, TIFF or DICOM file" in said
    assert words.name in said
    assert "%" not in said
    assert text(page, "#told") == "A film that is refused is not shown."
    assert not page.find_element("id", "film").is_displayed()


def test_a_hundred_films_at_once(page: Chrome, service: Served, tmp_path: Path) -> None:
    films = [tmp_path / f"{number:03}.jpeg" for number in range(100)]
    for film in films:
        film.write_bytes(NORMAL.read_bytes())
    choose(page, *films)
    assert finished(page, 100) == ["read"] * 100
    names = [row.text for row in page.find_elements("css selector", "#list .name")]
    assert names == [film.name for film in films]
    kept = service.service.store.films
    page.find_element("id", "clear").click()
    assert states(page) == []
    until(lambda: service.service.store.films == kept - 100)  # forgotten there as well


def test_samples_are_one_click_away_and_say_their_truth(page: Chrome) -> None:
    until(lambda: page.find_elements("css selector", ".sample"))[2].click()
    finished(page, 1)
    assert "The data set says: Pneumonia (bacterial)." in text(page, "#said")
    page.find_element("css selector", "#samples summary").click()
    page.find_element("id", "sample-all").click()
    assert finished(page, 7) == ["read"] * 7
    assert "CC BY 4.0" in text(page, "#attribution")


def test_korean_by_browser_and_by_toggle_and_remembered(page: Chrome, service: Served) -> None:
    prefer(page, "ko-KR,en")
    open_page(page, service.url)
    drop(page, NORMAL)
    finished(page, 1)
    assert page.find_element("css selector", "html").get_attribute("lang") == "ko"
    assert text(page, ".verdict").startswith("판정\n정상\n확률\n")
    page.find_element("id", "language").click()
    assert text(page, ".verdict").startswith("Called\nNormal\nProbability\n")
    page.refresh()
    until(lambda: text(page, "#choose") == "Choose films…")
    page.find_element("id", "language").click()
    prefer(page, "de-DE,de")
    page.refresh()
    until(lambda: text(page, "#choose") == "사진 고르기…")
    open_page(page, service.url)
    assert text(page, "#choose") == "Choose films…"  # neither of its languages is German


def test_both_languages_say_the_same_things(page: Chrome) -> None:
    words = page.execute_async_script(
        "const done = arguments[0]; import('/static/words.js').then(found => done(found.WORDS))"
    )
    english, korean = (
        {key: set(_places(said)) for key, said in words[name].items()} for name in ("en", "ko")
    )
    assert english == korean
    asked = page.execute_script(
        "return [...document.querySelectorAll('*')].flatMap(part => "
        "[part.dataset.t, part.dataset.tLabel, part.dataset.tTitle]).filter(Boolean)"
    )
    assert set(asked) <= set(english)


def _places(said: str) -> list[str]:
    return [part.split("}")[0] for part in said.split("{")[1:]]


def test_reasons_in_korean(page: Chrome) -> None:
    reasons = [
        "not a JPEG, PNG, TIFF or DICOM file",
        "damaged or truncated JPEG (Premature end of JPEG file)",
        "far from the films that the model has seen",
        "modality MR is not a radiograph",
        "film with inverted greys and turned 180 degrees: mended",
        "40000 x 40000 pixels, and at most 100 megapixels are read",
    ]
    said = page.execute_async_script(
        "const [reasons, done] = arguments; import('/static/reasons.js')"
        ".then(({ reasonIn }) => done(reasons.map(each => reasonIn('ko', each))))",
        reasons,
    )
    assert said[0] == "JPEG, PNG, TIFF, DICOM 파일이 아닙니다"
    assert said[4] == "흑백이 뒤집힌, 180도 돌아간 사진이라 바로잡았습니다"
    assert all(any("가" <= letter <= "힣" for letter in each) for each in said)


def test_by_keyboard_alone(page: Chrome) -> None:
    press(page, Keys.TAB)
    assert page.execute_script("return document.activeElement.className") == "skip"
    for _ in range(20):
        if focus(page) == "sample-all":
            break
        press(page, Keys.TAB)
    press(page, Keys.ENTER)
    finished(page, 6)
    for _ in range(4):
        if focus(page).startswith("film-"):
            break
        press(page, Keys.TAB)
    press(page, Keys.ARROW_DOWN, Keys.ARROW_DOWN)
    assert text(page, "#said h3") == "bacterial-1.jpeg"
    press(page, Keys.END)
    assert text(page, "#said h3") == "viral-2.jpeg"
    assert len(page.find_elements("css selector", "#list [tabindex='0']")) == 1
    press(page, Keys.DELETE)
    assert len(states(page)) == 5
    assert text(page, "#said h3") == "viral-1.jpeg"
    assert focus(page).startswith("film-")
    ring = "return getComputedStyle(document.activeElement).outlineStyle"
    assert page.execute_script(ring) == "solid"
    for _ in range(4):
        if focus(page) == "stage":
            break
        press(page, Keys.TAB)
    until(lambda: page.find_element("id", "film").is_displayed())
    before = page.find_element("id", "film").rect["width"]
    press(page, "+")
    assert page.find_element("id", "film").rect["width"] > before


def test_the_list_as_csv_and_a_reading_as_a_page(
    page: Chrome, downloads: Path, tmp_path: Path
) -> None:
    words = tmp_path / "=formula.txt"
    words.write_text("no film")
    choose(page, BACTERIAL, words)
    finished(page, 2)
    page.find_element("id", "csv").click()
    table = until(lambda: next(downloads.glob("readings.csv"), None))
    until(lambda: table.stat().st_size)
    with table.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["status"] for row in rows] == ["read", "refused"]
    assert [row["name"] for row in rows] == [BACTERIAL.name, "'=formula.txt"]
    page.find_element("id", "language").click()
    page.find_element("css selector", ".actions button").click()
    sheet = until(lambda: next(downloads.glob("bacterial-1.html"), None))
    until(lambda: "</html>" in sheet.read_text("utf-8"))
    assert 'lang="ko"' in sheet.read_text("utf-8")


def test_a_full_service_is_waited_for(
    page: Chrome, service: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    full, read = [Full(1)] * 3, service.service.read

    async def read_later(films: Sequence[Film]) -> list[Kept]:
        if full:
            raise full.pop()
        return await read(films)

    monkeypatch.setattr(service.service, "read", read_later)
    choose(page, NORMAL, BACTERIAL)
    until(lambda: "busy, again in" in text(page, "#list"))
    assert finished(page, 2) == ["read", "read"]
    assert all("503" in each for each in complaints(page))


def test_what_is_turned_away_says_why_and_can_be_tried_again(page: Chrome, service: Served) -> None:
    page.execute_script(
        "XMLHttpRequest.prototype.wasSend = XMLHttpRequest.prototype.send;"
        "XMLHttpRequest.prototype.send = function () { this.onerror() }"
    )
    choose(page, NORMAL)
    assert finished(page, 1) == ["failed"]
    assert "The service cannot be reached." in text(page, "#list")
    page.execute_script("XMLHttpRequest.prototype.send = XMLHttpRequest.prototype.wasSend")
    page.find_element("css selector", ".actions button.first").click()
    until(lambda: states(page) == ["read"])


def test_too_large_a_film_is_not_sent(page: Chrome, tmp_path: Path) -> None:
    large = tmp_path / "large.dcm"
    with large.open("wb") as file:
        file.truncate(65 * 2**20)
    choose(page, large)
    assert finished(page, 1) == ["failed"]
    assert "The file has 65.0 MB; at most 64 MB are taken." in text(page, "#said")


def test_a_token_is_asked_for_and_used_for_everything(chrome: Chrome) -> None:
    with served(tokens=(TOKEN,)) as guarded:
        chrome.get(guarded.url)
        field = chrome.find_element("id", "token-value")
        until(field.is_displayed)
        field.send_keys("a-wrong-token-it-is", Keys.ENTER)
        until(chrome.find_element("id", "token-wrong").is_displayed)
        field.send_keys(TOKEN, Keys.ENTER)
        until(lambda: text(chrome, "#about-open"))
        until(lambda: chrome.find_elements("css selector", ".sample"))[0].click()
        assert finished(chrome, 1) == ["read"]
        until(lambda: text(chrome, "#key-limit"))  # film and evidence came as well
        assert TOKEN not in chrome.current_url
    assert all("401" in each for each in complaints(chrome))


def test_nothing_is_asked_of_another_host(page: Chrome, service: Served) -> None:
    page.get_log("performance")
    open_page(page, service.url)
    drop(page, BACTERIAL)
    finished(page, 1)
    until(lambda: text(page, "#key-limit"))
    events = [json.loads(entry["message"])["message"] for entry in page.get_log("performance")]
    sent = [
        e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"
    ]
    asked = {urlsplit(url).netloc for url in sent if urlsplit(url).scheme not in ("data", "blob")}
    assert asked == {urlsplit(service.url).netloc}
    policy = [
        e["params"]["response"]["headers"].get("content-security-policy", "")
        for e in events
        if e["method"] == "Network.responseReceived" and e["params"]["type"] == "Document"
    ]
    assert "script-src 'self';" in policy[-1]


@pytest.mark.parametrize("language", ["en-US", "ko-KR"])
def test_on_a_phone_nothing_is_too_wide(page: Chrome, service: Served, language: str) -> None:
    prefer(page, language)
    resize(page, 360, 740, phone=True)
    open_page(page, service.url)
    choose(page, BACTERIAL)
    finished(page, 1)
    until(lambda: text(page, "#key-limit"))
    width = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert page.execute_script(width) == 0
    wide = (
        "return [...document.querySelectorAll('main *, header *')].filter(part => "
        "part.checkVisibility() && !part.closest('#film, .hidden')"
        " && part.getBoundingClientRect().right > innerWidth + 1)"
        ".map(part => part.outerHTML.slice(0, 80))"
    )
    assert page.execute_script(wide) == []


def test_dark_and_light(page: Chrome, service: Served) -> None:
    paper = "return getComputedStyle(document.body).backgroundColor"
    try:
        for wanted, theme in (("dark", "rgb(12, 16, 21)"), ("light", "rgb(238, 241, 245)")):
            feature = {"name": "prefers-color-scheme", "value": wanted}
            page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
            open_page(page, service.url)
            assert page.execute_script(paper) == theme
        page.find_element("id", "theme").click()
        assert page.execute_script(paper) == "rgb(12, 16, 21)"
        page.refresh()
        until(lambda: page.execute_script(paper) == "rgb(12, 16, 21)")
    finally:
        page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def test_what_reads_and_what_it_is_not(page: Chrome) -> None:
    assert text(page, "body").count("Not a medical device") == 1
    assert text(page, "#about-open") == "Bundle shipped, prevalence 74.6 %"
    page.find_element("id", "about-open").click()
    said = text(page, "#about")
    assert "160 \u00d7 160 pixels" in said
    assert "class activation map" in said
    press(page, Keys.ESCAPE)
    assert not page.find_element("id", "about").is_displayed()


def test_the_picture_of_the_readme(page: Chrome) -> None:
    resize(page, 1280, 880)
    page.find_element("id", "sample-all").click()
    finished(page, 6)
    page.find_elements("css selector", "#list li")[4].click()
    until(lambda: text(page, "#key-limit"))
    page.execute_script("document.activeElement.blur()")
    with Image.open(io.BytesIO(page.get_screenshot_as_png())) as seen:
        picture = seen.convert("RGB").point(lambda value: value & 0xFC | value >> 6)
    if where := os.environ.get("PNEUMOSCOPE_PICTURE"):
        picture.save(where, optimize=True)
    assert PICTURE.stat().st_size < 300_000
    with Image.open(PICTURE) as kept:
        assert kept.size == picture.size
        # Fonts differ between machines; the page that is pictured is still this one.
        apart = np.asarray(kept.convert("L"), float) - np.asarray(picture.convert("L"), float)
    assert np.abs(apart).mean() < 12
