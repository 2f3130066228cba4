from __future__ import annotations

import re

import pytest

from pneumoscope.inference.reader import READ, Reading
from pneumoscope.serve.store import Store

SAID = Reading("", READ, 0.5, "NORMAL", None)


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(clock: Clock) -> Store:
    return Store(films=3, size=100, seconds=10, clock=clock)


def test_what_was_put_is_found_under_a_name_of_its_own(store: Store) -> None:
    one, two = (store.put("a.png", SAID, b"same film") for _ in range(2))
    assert one.id != two.id
    assert re.fullmatch(r"[A-Za-z0-9_-]{22}", one.id)
    assert store.get(one.id) is one
    assert store.get("nothing") is None
    assert (store.films, store.bytes) == (2, 18)


def test_the_oldest_go_when_there_are_too_many(store: Store) -> None:
    kept = [store.put("a", SAID, b"x") for _ in range(5)]
    assert [store.get(each.id) is not None for each in kept] == [False] * 2 + [True] * 3


def test_the_oldest_go_when_they_are_too_large(store: Store) -> None:
    kept = [store.put("a", SAID, bytes(40)) for _ in range(3)]
    assert [store.get(each.id) is not None for each in kept] == [False, True, True]
    assert store.bytes == 80
    larger_than_all = store.put("a", SAID, bytes(101))
    assert store.get(larger_than_all.id) is None
    assert (store.films, store.bytes) == (0, 0)


def test_what_is_old_goes_without_anybody_coming(store: Store, clock: Clock) -> None:
    early = store.put("a", SAID, b"x")
    clock.now += 6
    late = store.put("a", SAID, b"x")
    clock.now += 5
    store.forget()
    assert store.films == 1
    assert store.get(early.id) is None
    assert store.get(late.id) is late


def test_what_is_dropped_is_gone(store: Store) -> None:
    kept = store.put("a", SAID, b"x")
    assert store.drop(kept.id)
    assert not store.drop(kept.id)
    assert (store.films, store.bytes) == (0, 0)
