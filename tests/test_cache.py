import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from pneumoscope import preprocess
from pneumoscope.data import cache
from pneumoscope.data.cache import open_store
from pneumoscope.data.catalog import Film, open_catalog
from pneumoscope.errors import PneumoscopeError
from pneumoscope.preprocess import Preprocessing, film_to_input

SHAPE = Preprocessing(size=32)


def some_films(root: Path, n: int = 12) -> tuple[Film, ...]:
    return open_catalog(root).films[:n]


def store_of(films: tuple[Film, ...], folder: Path, shape: Preprocessing = SHAPE) -> cache.Store:
    return open_store(films, shape, cache=folder, progress=False)


def test_the_store_holds_what_a_reader_would_see(films: Path, tmp_path: Path) -> None:
    chosen = some_films(films)
    store = store_of(chosen, tmp_path)
    assert store.pixels.shape == (12, 32, 32)
    for film, pixels, digest in zip(chosen, store.pixels, store.sha256, strict=True):
        np.testing.assert_array_equal(pixels, film_to_input(film.path, SHAPE))
        assert digest == cache.files.sha256(film.path.read_bytes())
    keys = [chosen[5].key, chosen[2].key]
    np.testing.assert_array_equal(store.rows(keys), [5, 2])
    with pytest.raises(KeyError):
        store.rows(["no such film"])


def test_a_second_opening_decodes_nothing(
    films: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = some_films(films)
    first = np.array(store_of(chosen, tmp_path).pixels)

    def fail(*_: object) -> None:
        raise AssertionError("decoded again")

    monkeypatch.setattr(preprocess, "film_to_input", fail)
    np.testing.assert_array_equal(store_of(chosen, tmp_path).pixels, first)


def test_what_changes_the_pixels_changes_the_store(
    films: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = some_films(films)
    store_of(chosen, tmp_path)
    store_of(chosen, tmp_path, Preprocessing(size=33))
    store_of(chosen, tmp_path, Preprocessing(size=32, resize="pad"))
    store_of(chosen[1:], tmp_path)
    monkeypatch.setattr(preprocess, "CODE_VERSION", preprocess.CODE_VERSION + 1)
    store_of(chosen, tmp_path)
    assert len([path for path in tmp_path.iterdir() if path.is_dir()]) == 5


def test_an_edited_film_is_decoded_again(films: Path, tmp_path: Path) -> None:
    copy = tmp_path / "films" / "NORMAL" / "a.jpeg"
    copy.parent.mkdir(parents=True)
    one, two = (film.path.read_bytes() for film in some_films(films, 2))
    copy.write_bytes(one)
    chosen = open_catalog(tmp_path / "films", positive="PNEUMONIA").films
    before = np.array(store_of(chosen, tmp_path / "c").pixels)
    copy.write_bytes(two)
    os.utime(copy, ns=(0, 0))
    assert not np.array_equal(store_of(chosen, tmp_path / "c").pixels, before)


@pytest.mark.parametrize(
    "damage", ["cut pixels", "flip a bit", "cut index", "no index", "other keys"]
)
def test_a_damaged_store_is_built_anew(films: Path, tmp_path: Path, damage: str) -> None:
    chosen = some_films(films)
    good = np.array(store_of(chosen, tmp_path).pixels)
    (folder,) = (path for path in tmp_path.iterdir() if path.is_dir())
    pixels, index = folder / "pixels.u8", folder / "index.json"
    if damage == "cut pixels":
        os.truncate(pixels, pixels.stat().st_size // 2)
    elif damage == "flip a bit":
        data = bytearray(pixels.read_bytes())
        data[1000] ^= 1
        pixels.write_bytes(data)
    elif damage == "cut index":
        os.truncate(index, index.stat().st_size // 2)
    elif damage == "no index":
        index.unlink()
    else:
        index.write_text(json.dumps({"shape": [12, 32, 32]}))
    np.testing.assert_array_equal(store_of(chosen, tmp_path).pixels, good)
    assert sorted(path.name for path in folder.iterdir()) == ["index.json", "pixels.u8"]


def test_an_unreadable_film_is_named_and_the_rest_goes_on(films: Path, tmp_path: Path) -> None:
    folder = tmp_path / "films" / "NORMAL"
    folder.mkdir(parents=True)
    (folder / "a.jpeg").write_bytes(some_films(films, 1)[0].path.read_bytes())
    (folder / "b.jpeg").write_text("no picture")
    (folder / "c.jpeg").write_bytes(b"")
    chosen = open_catalog(tmp_path / "films", positive="PNEUMONIA").films
    (folder / "c.jpeg").unlink()
    store = store_of(chosen, tmp_path / "cache")
    assert set(store.refused) == {"NORMAL/b.jpeg", "NORMAL/c.jpeg"}
    assert store.pixels[0].any()
    assert not store.pixels[1:].any()
    np.testing.assert_array_equal(store.rows([film.key for film in chosen]), [0])
    (folder / "a.jpeg").write_text("no picture either")
    with pytest.raises(PneumoscopeError, match="None of the 3 films"):
        store_of(chosen, tmp_path / "cache")


def test_nothing_to_decode_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(PneumoscopeError, match="no film"):
        store_of((), tmp_path)


BUILD = """
import sys
from pathlib import Path
from pneumoscope.data.cache import open_store
from pneumoscope.data.catalog import open_catalog
from pneumoscope.preprocess import Preprocessing
films, cache, size = sys.argv[1:]
store = open_store(
    open_catalog(films).films, Preprocessing(size=int(size)), cache=Path(cache), progress=False
)
print(int(store.pixels.sum()), flush=True)
"""


def start(films: Path, folder: Path, *, size: int = 32, **options: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", BUILD, str(films), str(folder), str(size)]
    return subprocess.Popen(  # type: ignore[call-overload, no-any-return]
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options
    )


def test_two_processes_build_one_store(films: Path, tmp_path: Path) -> None:
    both = [start(films, tmp_path) for _ in range(2)]
    sums = [process.communicate(timeout=60)[0] for process in both]
    assert sums[0] == sums[1] != ""
    assert len([path for path in tmp_path.iterdir() if path.is_dir()]) == 1


def test_a_killed_build_leaves_nothing_that_passes_for_a_store(films: Path, tmp_path: Path) -> None:
    process = start(films, tmp_path, size=512)
    while process.poll() is None and not any(tmp_path.glob(".*/pixels.u8")):
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    chosen = open_catalog(films).films
    store = store_of(chosen, tmp_path, Preprocessing(size=512))
    assert not store.refused
    np.testing.assert_array_equal(
        store.pixels[-1], film_to_input(chosen[-1].path, Preprocessing(size=512))
    )
    assert not list(tmp_path.glob(".*"))  # what the killed process left is gone


@pytest.mark.skipif(sys.platform == "win32", reason="limits a file's size as POSIX does")
def test_a_full_disk_is_one_sentence_and_no_signal(films: Path, tmp_path: Path) -> None:
    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (64 * 1024, 64 * 1024))

    process = start(films, tmp_path, size=512, preexec_fn=limit)
    error = process.communicate(timeout=60)[1]
    assert process.returncode == 1
    assert "PneumoscopeError: The pixel store could not be written" in error
    assert "free 38 MB there" in error
    assert not any(path.is_dir() for path in tmp_path.iterdir())


def test_the_folder_may_come_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(cache.CACHE_VARIABLE, str(tmp_path))
    assert cache.cache_folder() == tmp_path
    monkeypatch.delenv(cache.CACHE_VARIABLE)
    assert cache.cache_folder().name == "pneumoscope"
    assert cache.cache_folder(tmp_path / "given") == tmp_path / "given"
