"""The film on the page in a real browser: window, zoom, moving, evidence."""

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from browsers import Served, browser, choose, complaints, finished, open_page, resize, served, until

pytest.importorskip("selenium", reason="needs pneumoscope[dev]")
from selenium.webdriver import ActionChains, Chrome, Keys
from selenium.webdriver.common.actions.wheel_input import ScrollOrigin

SAMPLES = Path(__file__).parents[1] / "src" / "pneumoscope" / "serve" / "samples"
BACTERIAL, NORMAL = SAMPLES / "bacterial-1.jpeg", SAMPLES / "normal-2.jpeg"


@pytest.fixture(scope="module")
def chrome(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    with browser(tmp_path_factory.mktemp("downloads")) as found:
        yield found


@pytest.fixture(scope="module")
def service() -> Iterator[Served]:
    with served() as found:
        yield found


@pytest.fixture
def page(chrome: Chrome, service: Served) -> Iterator[Chrome]:
    """The page with one film shown; its console must stay silent."""
    resize(chrome, 1440, 900)
    open_page(chrome, service.url)
    choose(chrome, BACTERIAL)
    finished(chrome, 1)
    until(lambda: chrome.find_element("id", "key-limit").text)
    yield chrome
    assert complaints(chrome) == []


def greys(page: Chrome) -> np.ndarray:
    """What the canvas of the film shows, (h, w) uint8."""
    height, width, values = page.execute_script(
        "const shown = document.getElementById('greys'), { width, height } = shown;"
        # A canvas of our own: Chromium complains of one that is read often.
        "const context = Object.assign(document.createElement('canvas'), { width, height })"
        ".getContext('2d', { willReadFrequently: true });"
        "context.drawImage(shown, 0, 0);"
        "const { data } = context.getImageData(0, 0, width, height);"
        "return [height, width, [...data.filter((_, i) => i % 4 == 0)]]"
    )
    return np.array(values, np.uint8).reshape(height, width)


def settled(page: Chrome) -> np.ndarray:
    """The same after the next frame."""
    page.execute_async_script("requestAnimationFrame(() => requestAnimationFrame(arguments[0]))")
    return greys(page)


def place(page: Chrome) -> tuple[float, float, float]:
    """Left, top and width of the film."""
    box = page.execute_script(
        "const box = document.getElementById('film').getBoundingClientRect();"
        "return [box.left, box.top, box.width]"
    )
    return tuple(box)


def slide(page: Chrome, name: str, value: int) -> None:
    page.execute_script(
        "const [slider, value] = arguments; slider.value = value;"
        "slider.dispatchEvent(new Event('input'))",
        page.find_element("id", name),
        value,
    )


def test_the_film_is_shown_as_it_was_read(page: Chrome) -> None:
    with Image.open(BACTERIAL) as picture:
        film = np.asarray(picture.convert("L"))
    shown = settled(page)
    assert shown.shape == film.shape
    # One level either way: the window's last step and the decoders' own rounding.
    assert np.abs(shown.astype(int) - film).max() <= 2


def test_window_and_level_change_the_pixels(page: Chrome) -> None:
    before = settled(page)
    slide(page, "width", 80)
    narrow = settled(page)
    assert narrow.std() > 1.3 * before.std()
    slide(page, "level", 200)
    dark = settled(page)
    assert dark.mean() < narrow.mean() - 30
    expected = np.clip((before.astype(float) - 200) / 80 + 0.5, 0, 1) * 255
    assert np.abs(dark - expected).mean() < 2
    assert page.find_element("id", "corner-window").text.split() == ["W", "80", "L", "200"]
    page.find_element("id", "reset").click()
    assert np.array_equal(settled(page), before)


def test_dragging_changes_the_window_or_moves_the_film(page: Chrome) -> None:
    stage = page.find_element("id", "stage")
    before, where = settled(page), place(page)
    ActionChains(page).drag_and_drop_by_offset(stage, -90, 40).perform()
    assert page.find_element("id", "corner-window").text.split() == ["W", "165", "L", "168"]
    assert not np.array_equal(settled(page), before)
    assert place(page) == where
    page.find_element("id", "drag-move").click()
    page.find_element("id", "zoom-in").click()
    page.find_element("id", "zoom-in").click()
    where = place(page)
    ActionChains(page).drag_and_drop_by_offset(stage, -60, 25).perform()
    assert place(page) == pytest.approx((where[0] - 60, where[1] + 25, where[2]), abs=1)
    assert page.find_element("id", "corner-window").text.split() == ["W", "165", "L", "168"]


def test_the_wheel_zooms_at_the_pointer(page: Chrome) -> None:
    left, top, width = place(page)
    stage = page.find_element("id", "stage")
    origin = ScrollOrigin.from_element(stage, 100, -50)
    ActionChains(page).scroll_from_origin(origin, 0, -400).perform()
    x, y = (
        stage.rect["x"] + stage.rect["width"] / 2 + 100,
        stage.rect["y"] + stage.rect["height"] / 2 - 50,
    )
    now = until(lambda: place(page) if place(page)[2] > 1.5 * width else None)
    ratio = now[2] / width
    # What lay below the pointer lies there still.
    assert now[0] == pytest.approx(x - (x - left) * ratio, abs=2)
    assert now[1] == pytest.approx(y - (y - top) * ratio, abs=2)


def test_two_fingers_zoom(page: Chrome) -> None:
    width = place(page)[2]
    box = page.find_element("id", "stage").rect
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    def touch(kind: str, apart: float | None) -> None:
        points = (
            []
            if apart is None
            else [{"x": x - apart, "y": y, "id": 1}, {"x": x + apart, "y": y, "id": 2}]
        )
        event = {"type": kind, "touchPoints": points}
        page.execute_cdp_cmd("Input.dispatchTouchEvent", event)

    page.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": True})
    touch("touchStart", 40)
    for apart in (60, 80, 100, 120):
        touch("touchMove", apart)
    touch("touchEnd", None)
    page.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": False})
    assert until(lambda: place(page)[2] > 1.8 * width)


def test_keys_on_the_stage(page: Chrome) -> None:
    before, width = settled(page), place(page)[2]
    page.find_element("id", "stage").click()
    keys = ActionChains(page)
    keys.send_keys("++", Keys.ARROW_LEFT, "i", "ss", "d").perform()
    assert place(page)[2] == pytest.approx(width * 1.25**2, abs=1)
    assert page.find_element("id", "corner-window").text.split() == ["W", "239", "L", "132"]
    assert page.find_element("id", "invert").get_attribute("aria-pressed") == "true"
    assert np.corrcoef(settled(page).ravel(), before.ravel())[0, 1] < -0.98
    ActionChains(page).send_keys("0").perform()
    assert place(page)[2] == pytest.approx(width, abs=1)
    assert np.array_equal(settled(page), before)


def test_auto_window_uses_the_whole_range(page: Chrome) -> None:
    page.find_element("id", "auto").click()
    low, high = np.percentile(settled(page), (2, 98))
    assert low < 20
    assert high > 235


def test_the_evidence_lies_over_the_film_and_its_slider_fades_it(page: Chrome) -> None:
    evidence = page.find_element("id", "evidence")
    assert evidence.rect == page.find_element("id", "greys").rect
    coloured = page.execute_script(
        "const canvas = document.getElementById('evidence');"
        "const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);"
        "return Math.max(...data.filter((_, i) => i % 4 == 3).slice(0, 60000))"
    )
    assert coloured > 0
    plain = []
    for value in (0, 40, 100):
        slide(page, "opacity", value)
        assert float(evidence.value_of_css_property("opacity")) == value / 100
        plain.append(_colour(page.find_element("id", "stage").screenshot_as_png))
    assert plain[0] < 1 < plain[1] < plain[2]
    page.find_element("id", "stage").click()
    ActionChains(page).send_keys("e").perform()
    assert float(evidence.value_of_css_property("opacity")) == 0
    ActionChains(page).send_keys("e").perform()
    assert float(evidence.value_of_css_property("opacity")) == 1
    assert "for Pneumonia" in page.find_element("id", "key").text
    assert "logits" in page.find_element("id", "key-limit").text


def _colour(png: bytes) -> float:
    """How far from grey a picture is, on average."""
    with Image.open(io.BytesIO(png)) as picture:
        pixels = np.asarray(picture.convert("RGB")).astype(int)
    return float((pixels.max(-1) - pixels.min(-1)).mean())


def test_another_film_takes_the_place_of_the_first(page: Chrome) -> None:
    first = settled(page)
    slide(page, "width", 50)
    choose(page, NORMAL)
    finished(page, 2)
    page.find_elements("css selector", "#list li")[1].click()
    until(lambda: page.find_element("id", "key-limit").text)
    assert page.find_element("id", "corner-name").text == NORMAL.name
    assert page.find_element("id", "corner-window").text.split() == ["W", "255", "L", "128"]
    page.find_elements("css selector", "#list li")[0].click()
    until(lambda: page.find_element("id", "key-limit").text)
    assert np.array_equal(settled(page), first)


def test_a_film_the_service_has_forgotten(page: Chrome, service: Served) -> None:
    choose(page, NORMAL)
    finished(page, 2)
    store = service.service.store
    for key in list(store._kept):
        store.drop(key)
    page.find_elements("css selector", "#list li")[1].click()
    until(lambda: "does not keep this film" in page.find_element("id", "told").text)
    assert "Normal" in page.find_element("id", "said").text
    assert all("404" in each for each in complaints(page))
