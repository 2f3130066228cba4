from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

import serving
from pneumoscope.inference.bundle import load_bundle
from pneumoscope.inference.reader import TOGETHER, Reader, Reading
from pneumoscope.serve.desk import Desk, Full
from serving import Slow, bundle_path, film

__all__ = ["bundle_path"]


@pytest.fixture
def slow(bundle_path: Path) -> Slow:
    return Slow(load_bundle(bundle_path))


@pytest.fixture
def desk(slow: Slow) -> Iterator[Desk]:
    made = Desk(slow, waiting=8, threads=1)
    yield made
    slow.go.set()
    made.close()


def test_readings_are_those_of_the_reader(desk: Desk, slow: Slow) -> None:
    films = [film(at) for at in (-2.0, 0.5, 2.0)] + [b"no film"]
    slow.go.set()
    readings = [promise.result(20) for promise in desk.hand_in(films)]
    for reading, each in zip(readings, films, strict=True):
        alone = Reader(slow.bundle).read_one(each)
        assert (reading.status, reading.reason, reading.call) == (
            alone.status,
            alone.reason,
            alone.call,
        )
        assert reading.logit == pytest.approx(alone.logit, abs=1e-5)


def test_all_or_none_are_taken_and_what_waits_is_bounded(desk: Desk, slow: Slow) -> None:
    (begun,) = desk.hand_in([film()])
    serving.wait_for(lambda: desk.waiting == 0)
    promises = desk.hand_in([film()] * 7)
    assert not desk.full
    with pytest.raises(Full, match="try again in") as turned_away:
        desk.hand_in([film()] * 2)
    assert 1 <= turned_away.value.seconds <= 60
    assert desk.waiting == 7
    promises += desk.hand_in([film()])
    assert desk.full
    slow.go.set()
    assert all(promise.result(20).status == "read" for promise in [begun, *promises])
    assert not desk.full


def test_who_is_gone_is_not_read(desk: Desk, slow: Slow) -> None:
    (begun,) = desk.hand_in([film()])
    serving.wait_for(lambda: desk.waiting == 0)
    gone, stays = desk.hand_in([film(), film(2.0)])
    assert gone.cancel()
    slow.go.set()
    assert begun.result(20).status == stays.result(20).status == "read"


def test_films_of_different_senders_share_a_batch(slow: Slow) -> None:
    batches: list[int] = []
    desk = Desk(slow, waiting=99, threads=1, watch=lambda films, _: batches.append(films))
    desk.hand_in([film()])
    serving.wait_for(lambda: desk.waiting == 0)
    senders = [threading.Thread(target=desk.hand_in, args=([film()],)) for _ in range(TOGETHER + 1)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    slow.go.set()
    desk.close()
    assert batches == [1, TOGETHER, 1]


def test_a_fault_takes_no_other_film_along(
    bundle_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Faulty(Slow):
        def read_together(self, sources: Sequence[Any]) -> list[Reading]:
            if b"poison" in sources:
                raise RuntimeError("the words of patient Kim")
            return super().read_together(sources)  # type: ignore[no-any-return]

    reader = Faulty(load_bundle(bundle_path))
    desk = Desk(reader, waiting=9, threads=1)
    desk.hand_in([film()])
    serving.wait_for(lambda: desk.waiting == 0)
    promises = desk.hand_in([film(), b"poison", film()])
    reader.go.set()
    readings = [promise.result(20) for promise in promises]
    assert [reading.status for reading in readings] == ["read", "refused", "read"]
    assert readings[1].reason == "the reader failed on this film"
    assert "RuntimeError" in caplog.text
    assert "Kim" not in caplog.text
    desk.close()


def test_closing_reads_what_waits_and_takes_no_more(slow: Slow) -> None:
    desk = Desk(slow, waiting=9, threads=2)
    promises = desk.hand_in([film()] * 6)
    slow.go.set()
    desk.close()
    assert all(promise.done() and promise.result().status == "read" for promise in promises)
    assert desk.closed
    assert desk.full
    with pytest.raises(Full):
        desk.hand_in([film()])
