"""A real service on loopback and a real browser in front of it, for the tests of the page."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import pytest

from pneumoscope.inference.bundle import load_bundle
from pneumoscope.inference.reader import Reader
from pneumoscope.serve.gate import Access
from pneumoscope.serve.service import Service
from serving import live

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

T = TypeVar("T")
REQUIRED = "PNEUMOSCOPE_REQUIRE_BROWSER"
SECONDS = 60.0  # for anything to happen: generous, since the machine may be busy


@dataclass(frozen=True, slots=True)
class Served:
    """A running service and its address."""

    url: str
    service: Service


@contextlib.contextmanager
def served(*, tokens: tuple[str, ...] = ()) -> Iterator[Served]:
    """The bundle that ships, served on a free port."""
    service = Service(Reader(load_bundle(None), threads=2), threads=2)
    with live(service, access=Access(tokens=tokens)) as (host, port):
        yield Served(f"http://{host}:{port}/", service)


@contextlib.contextmanager
def browser(downloads: Path) -> Iterator[Chrome]:
    """Chromium without a window; skips the test where there is none, unless one is required."""
    program, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if program is None or driver is None:
        if os.environ.get(REQUIRED):
            pytest.fail(f"{REQUIRED} is set, but chromium and chromedriver are not installed")
        pytest.skip("needs Debian's chromium and chromium-driver")
    from selenium.webdriver import Chrome, ChromeOptions
    from selenium.webdriver.chrome.service import Service as Driver

    options = ChromeOptions()
    options.binary_location = program
    for argument in (
        "--headless=new",
        "--no-sandbox",  # which Chromium refuses to root otherwise, and containers are root
        "--disable-dev-shm-usage",
        "--disable-gpu",
        "--disable-background-networking",
        "--lang=en-US",
        "--window-size=1440,900",
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    chrome = Chrome(options=options, service=Driver(driver))
    try:
        where = {"behavior": "allow", "downloadPath": str(downloads)}
        chrome.execute_cdp_cmd("Browser.setDownloadBehavior", where)
        yield chrome
    finally:
        chrome.quit()


def until(what: Callable[[], T], *, seconds: float = SECONDS) -> T:
    """What ``what`` gives, once that is something; fails when it is not in time."""
    from selenium.common.exceptions import WebDriverException

    end = time.monotonic() + seconds
    found, seen = None, None
    while time.monotonic() < end:
        try:
            found = what()
        except WebDriverException as error:  # an element that is not there yet, or not any more
            seen = error
        if found:
            return found
        time.sleep(0.03)
    raise AssertionError(f"it did not happen within {seconds:g} s; last seen: {seen or found!r}")


def prefer(chrome: Chrome, language: str) -> None:
    """Has the browser ask for pages in ``language``."""
    agent = chrome.execute_script("return navigator.userAgent")
    asked = {"userAgent": agent, "acceptLanguage": language}
    chrome.execute_cdp_cmd("Emulation.setUserAgentOverride", asked)


def resize(chrome: Chrome, width: int, height: int, *, phone: bool = False) -> None:
    """Gives the page ``width`` x ``height`` pixels."""
    shape = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": phone}
    chrome.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", shape)


def open_page(chrome: Chrome, url: str) -> None:
    """The page as somebody sees it who has never been there."""
    chrome.get(url)
    chrome.execute_script("localStorage.clear(); sessionStorage.clear()")
    chrome.get(url)
    until(lambda: chrome.find_elements("id", "sample-all"))  # the last that comes


def choose(chrome: Chrome, *films: Path) -> None:
    """Gives the page ``films`` as its button does."""
    chrome.find_element("id", "files").send_keys("\n".join(map(str, films)))


def drop(chrome: Chrome, *paths: Path) -> None:
    """Drops files or folders onto the page."""
    data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}

    def drag(kind: str) -> None:
        event = {"type": kind, "x": 700, "y": 400, "data": data}
        chrome.execute_cdp_cmd("Input.dispatchDragEvent", event)

    def taken() -> bool:
        drag("dragOver")
        return chrome.find_element("id", "drop-here").is_displayed()

    drag("dragEnter")
    until(taken)  # a drop that the page has not agreed to is none
    drag("drop")


def states(chrome: Chrome) -> list[str]:
    """The state of each film of the list."""
    rows = "return [...document.querySelectorAll('#list li')].map(row => row.dataset.state)"
    return list(chrome.execute_script(rows))


def finished(chrome: Chrome, count: int) -> list[str]:
    """The states of ``count`` films, once none of them is under way."""
    done = {"read", "refused", "failed"}

    seen: list[str] = []

    def found() -> list[str] | None:
        seen[:] = states(chrome)
        return seen if len(seen) == count and done.issuperset(seen) else None

    try:
        return until(found)
    except AssertionError as error:
        raise AssertionError(f"not {count} finished films but {seen}") from error


def complaints(chrome: Chrome) -> list[str]:
    """What the console has said since it was last asked."""
    return [entry["message"] for entry in chrome.get_log("browser")]
