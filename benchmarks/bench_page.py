"""The first film given to the page -> its reading shown, against the reader's single-film latency.

    python benchmarks/bench_page.py DIR

DIR holds JPEGs at original size. The page is loaded anew for each film in headless Chromium, in
front of a service on loopback with the bundle that ships; the clock inside the page runs from the
choice of the file to the frame after the reading stands there, and on to the frame after the film
itself does. ``Reader.read_one`` of the same file runs in between, in a process that has read
before. Medians over the films; needs the ``serve`` and ``dev`` extras, chromium and chromedriver.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import common
from pneumoscope.inference.bundle import load_bundle
from pneumoscope.inference.reader import Reader

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
import browsers

CLOCK = """
const seen = window.seen = {};
const after = (name) => requestAnimationFrame(() => setTimeout(() => (
  seen[name] ??= performance.now() - seen.began)));
document.getElementById("files").addEventListener(
  "change", () => (seen.began = performance.now()), { capture: true });
new MutationObserver(() => document.querySelector(".verdict") && after("reading"))
  .observe(document.getElementById("said"), { childList: true });
new MutationObserver(() => document.getElementById("film").hidden || after("film"))
  .observe(document.getElementById("film"), { attributes: true });
"""


def main() -> None:
    parser = common.parser(__doc__, rounds=15, rival=False)
    parser.add_argument("films", type=Path, metavar="DIR")
    options = parser.parse_args()
    machine = common.machine(options)
    films = sorted(options.films.rglob("*.jpeg"))[: options.rounds]
    reader = Reader(load_bundle(None))
    reader.read_one(films[0])
    seconds: dict[str, list[float]] = {"alone": [], "reading": [], "film": []}
    with (
        tempfile.TemporaryDirectory() as folder,
        browsers.served() as service,
        browsers.browser(Path(folder)) as chrome,
    ):
        for film in films:
            began = time.perf_counter()
            reader.read_one(film)
            seconds["alone"].append(time.perf_counter() - began)
            browsers.open_page(chrome, service.url)
            chrome.execute_script(CLOCK)
            browsers.choose(chrome, film)
            browsers.until(lambda: chrome.execute_script("return seen.reading && seen.film"))
            for what in ("reading", "film"):
                seconds[what].append(chrome.execute_script(f"return seen.{what}") / 1000)
            print(f"{film.name} done", file=sys.stderr)

    alone, reading, shown = (common.median(seconds[name]) for name in ("alone", "reading", "film"))
    against = f"{1000 * alone:.0f} ms"
    most = f"at most {1000 * (2 * alone + 0.1):.0f} ms"
    rows = [
        common.Row(
            "reading shown",
            f"{1000 * reading:.0f} ms",
            against,
            reading / alone,
            f"2x + 100 ms: {most}",
        ),
        common.Row("film shown as well", f"{1000 * shown:.0f} ms", against, shown / alone, ""),
    ]
    common.report(options, rows, {"machine": machine, "seconds": seconds})


if __name__ == "__main__":
    main()
