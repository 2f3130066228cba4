"""`pneumoscope serve` on loopback: throughput, latency, and two times more than it can do.

    python benchmarks/bench_serve.py DIR [--overload-seconds 300]

``DIR`` holds JPEG films at original size. No rival: the other side is our own reader. All load
goes to 127.0.0.1 and is bounded in time and in requests; the load client has the same cores.

Throughput: `wrk` (Debian's package; one thread, 32 connections, each film as a raw body) against
``Reader.read`` over the same files in a process of its own, which is what ``predict`` does, turn
about. Latency: requests one after the other give the latency of a single film; then requests come
at half of the measured throughput, evenly, whether or not earlier ones are answered (httpx2), and
the 99th percentile is compared. Overload: requests come at twice the throughput. Each answer must
be 200 with one reading, that of the film that was sent, or 503; the server must have read as many
films as were answered; its memory at the end stands beside that half-way, when it remembers as
many films as it ever will (five minutes are enough for that).
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import re
import statistics
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import common

CLIENTS = 32
MOST_OPEN = 400  # requests that the client holds open at once
KIND = {"Content-Type": "image/jpeg"}
SCRIPT = """
local requests, n, i = {}, 0, 0
function init(paths)
  for _, path in ipairs(paths) do
    local file = io.open(path, "rb")
    n = n + 1
    local head = {["Content-Type"] = "image/jpeg"}
    requests[n] = wrk.format("POST", "/v1/readings", head, file:read("*a"))
    file:close()
  end
end
function request() i = i % n + 1; return requests[i] end
"""


def local(films: list[Path], bundle: str | None) -> dict[str, Any]:
    """Films a second of the reader, and the logit of each film (runs in a child process)."""
    from pneumoscope.inference.bundle import load_bundle
    from pneumoscope.inference.reader import Reader

    reader = Reader(load_bundle(bundle))
    logits = [reading.logit for reading in reader.read(films)]
    many = films * max(1, 256 // len(films))
    began = time.perf_counter()
    for _ in reader.read(many):
        pass
    return {"rate": len(many) / (time.perf_counter() - began), "logits": logits}


@contextlib.contextmanager
def served(options: argparse.Namespace) -> Iterator[tuple[str, int]]:
    """A server; gives its address and process number."""
    words = [*common.ours(options, "serve", "--port", "0", "--quiet")]
    words += ["--bundle", options.bundle] if options.bundle else []
    process = subprocess.Popen(list(map(str, words)), stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    try:
        said = process.stderr.readline()
        found = re.search(r"http://127\.0\.0\.1:\d+/", said)
        if found is None:
            raise SystemExit(f"The server did not start: {said}")
        yield found[0], process.pid
    finally:
        process.terminate()
        process.wait(60)


def wrk(address: str, films: list[Path], script: Path, seconds: int) -> float:
    """Requests a second that `wrk` got answered, without any other answer than 2xx."""
    line = ["wrk", "-t1", f"-c{CLIENTS}", f"-d{seconds}s", "--timeout", "30s", "-s", script]
    said = common.run([*line, address, "--", *films]).stdout
    if "Non-2xx" in said or "Socket errors" in said:
        raise SystemExit(f"wrk met errors:\n{said}")
    found = re.search(r"Requests/sec:\s*([\d.]+)", said)
    assert found is not None
    return float(found[1])


async def one_by_one(address: str, bodies: list[bytes], count: int) -> list[float]:
    """Seconds of ``count`` requests, each after the other."""
    import httpx2

    seconds = []
    async with httpx2.AsyncClient(base_url=address, headers=KIND, timeout=60) as client:
        for number in range(count):
            began = time.perf_counter()
            answer = await client.post("v1/readings", content=bodies[number % len(bodies)])
            answer.raise_for_status()
            seconds.append(time.perf_counter() - began)
    return seconds[count // 10 :]


async def evenly(
    address: str, bodies: list[bytes], logits: list[float], *, rate: float, seconds: float
) -> dict[str, Any]:
    """Requests at ``rate`` for ``seconds``; what came of each."""
    import httpx2

    said: Counter[str] = Counter()
    times: list[float] = []
    ids: set[str] = set()

    async def ask(client: Any, number: int) -> None:
        which = number % len(bodies)
        began = time.perf_counter()
        try:
            answer = await client.post(f"v1/readings?name={number}", content=bodies[which])
        except httpx2.TransportError as error:
            said[type(error).__name__] += 1
            return
        said[str(answer.status_code)] += 1
        if answer.status_code == 200:
            times.append(time.perf_counter() - began)
            (reading,) = answer.json()["readings"]
            right = reading["name"] == str(number) and abs(reading["logit"] - logits[which]) < 1e-3
            said["another film's reading"] += not right
            said["doubled"] += reading["id"] in ids
            ids.add(reading["id"])
        elif answer.status_code == 503:
            said["503 without Retry-After"] += "retry-after" not in answer.headers

    limits = httpx2.Limits(max_connections=MOST_OPEN, max_keepalive_connections=MOST_OPEN)
    async with httpx2.AsyncClient(
        base_url=address, headers=KIND, timeout=60, limits=limits
    ) as client:
        began, tasks, number = time.perf_counter(), set(), 0
        while (now := time.perf_counter() - began) < seconds:
            while number < now * rate:
                if len(tasks) < MOST_OPEN:
                    task = asyncio.create_task(ask(client, number))
                    tasks.add(task)
                    task.add_done_callback(tasks.discard)
                else:
                    said["not sent: too many open"] += 1
                number += 1
            await asyncio.sleep(0.005)
        await asyncio.gather(*tasks)
    return {"said": {name: count for name, count in said.items() if count}, "seconds": times}


def films_counted(address: str) -> int:
    """Films that the server has read, by its own count."""
    with urllib.request.urlopen(f"{address}metrics", timeout=30) as answer:
        text = answer.read().decode()
    return sum(
        int(float(n)) for n in re.findall(r"^pneumoscope_films_total\{.*\} (\S+)$", text, re.M)
    )


def resident_mb(process: int) -> float:
    text = Path(f"/proc/{process}/status").read_text(encoding="utf-8")
    return int(re.findall(r"VmRSS:\s+(\d+)", text)[0]) / 1000


async def overload(
    address: str,
    process: int,
    bodies: list[bytes],
    logits: list[float],
    rate: float,
    seconds: float,
) -> dict[str, Any]:
    """Twice what it can do; with the server's memory in MB each second."""
    memory: list[float] = []

    async def watch() -> None:
        while True:
            memory.append(resident_mb(process))
            await asyncio.sleep(1)

    before = films_counted(address)
    watcher = asyncio.create_task(watch())
    found = await evenly(address, bodies, logits, rate=rate, seconds=seconds)
    watcher.cancel()
    found["read by the server"] = films_counted(address) - before
    fifth = max(len(memory) // 5, 1)
    found["memory_mb"] = {
        "half-way": statistics.median(memory[2 * fifth : 3 * fifth] or memory),
        "at the end": statistics.median(memory[-fifth:]),
    }
    return found


def rank99(seconds: list[float]) -> float:
    return sorted(seconds)[int(0.99 * len(seconds))]


def main() -> None:
    parser = common.parser(__doc__, rounds=3, rival=False)
    parser.add_argument("films", type=Path, metavar="DIR", help="JPEG films at original size")
    parser.add_argument("--bundle", help="default: the one that ships")
    parser.add_argument("--seconds", type=int, default=10, help="of each load; default: 10")
    parser.add_argument("--overload-seconds", type=int, default=300, help="default: 300")
    parser.add_argument("--local", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    films = sorted(options.films.rglob("*.jpeg"))
    if not films:
        raise SystemExit(f"No JPEG films under {options.films}.")
    if options.local:
        print(json.dumps(local(films, options.bundle)))
        return
    machine = common.machine(options)
    bodies = [film.read_bytes() for film in films]
    here = [sys.executable, Path(__file__), *sys.argv[1:], "--local"]
    with common.scratch(options) as folder, served(options) as (address, process):
        script = folder / "films.lua"
        script.write_text(SCRIPT, encoding="utf-8")
        sides = common.interleave(
            options.rounds,
            local=lambda: common.run(here).json(),
            served=lambda: wrk(address, films, script, options.seconds),
        )
        logits = sides["local"][0]["logits"]
        rate = common.median(sides["served"])
        reads = common.median([found["rate"] for found in sides["local"]])
        single = common.median(asyncio.run(one_by_one(address, bodies, 60)))
        half = asyncio.run(
            evenly(address, bodies, logits, rate=rate / 2, seconds=3 * options.seconds)
        )
        twice = asyncio.run(
            overload(address, process, bodies, logits, 2 * rate, options.overload_seconds)
        )
    p99, memory, said = rank99(half["seconds"]), twice["memory_mb"], twice["said"]
    read = said.get("200", 0)
    rows = [
        common.Row(
            f"throughput at {CLIENTS} clients",
            f"{rate:.1f} films/s",
            f"reader alone {reads:.1f} films/s",
            rate / reads,
            "65 %",
            unit="%",
        ),
        common.Row(
            "99th percentile at half of that",
            f"{1000 * p99:.0f} ms",
            f"single film {1000 * single:.0f} ms",
            p99 / single,
            "at most 4x",
        ),
        common.Row(
            f"memory at the end of {options.overload_seconds} s at twice the capacity",
            f"{memory['at the end']:.0f} MB",
            f"half-way {memory['half-way']:.0f} MB",
            memory["at the end"] / memory["half-way"],
            "1.0x",
        ),
        common.Row(
            "films read there, by the server's count and by answers",
            f"{twice['read by the server']}",
            f"{read} answers; {said}",
            twice["read by the server"] / max(read, 1),
            "1x, nothing but 200 and 503",
        ),
    ]
    half["seconds"], twice["seconds"] = len(half["seconds"]), len(twice["seconds"])
    details = {"machine": machine, "sides": {"served": sides["served"], "local": reads}}
    common.report(options, rows, details | {"half": half, "twice": twice})


if __name__ == "__main__":
    main()
