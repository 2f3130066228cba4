from __future__ import annotations

import os
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from pneumoscope.data.fetch import DATASET, fetch_kaggle
from pneumoscope.errors import MissingExtra, PneumoscopeError
from trees import touch


@pytest.fixture
def kaggle(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    """A stand-in for kagglehub that lays the archive's layout into the cache it is told of."""

    def dataset_download(handle: str) -> str:
        assert handle == DATASET
        cache = Path(os.environ.get("KAGGLEHUB_CACHE", tmp_path / "cache"))
        folder = cache / "datasets" / handle / "versions" / "2"
        for copy in ("chest_xray", "chest_xray/chest_xray"):
            for split in ("train", "val", "test"):
                touch(folder / copy / split / "NORMAL" / "IM-0001-0001.jpeg")
                touch(folder / copy / split / "PNEUMONIA" / "person1_virus_1.jpeg")
        touch(folder / "chest_xray" / "__MACOSX" / "._train")
        return str(folder)

    module = ModuleType("kagglehub")
    module.dataset_download = dataset_download  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "kagglehub", module)
    monkeypatch.delenv("KAGGLEHUB_CACHE", raising=False)
    return module


def test_the_folder_of_the_splits_is_found(kaggle: ModuleType, tmp_path: Path) -> None:
    root = fetch_kaggle()
    assert root == tmp_path / "cache" / "datasets" / DATASET / "versions" / "2" / "chest_xray"
    assert (root / "train").is_dir()


def test_out_is_where_it_goes(
    kaggle: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert fetch_kaggle(tmp_path / "here").is_relative_to(tmp_path / "here")
    assert "KAGGLEHUB_CACHE" not in os.environ
    monkeypatch.setenv("KAGGLEHUB_CACHE", str(tmp_path / "usual"))
    assert fetch_kaggle(tmp_path / "there").is_relative_to(tmp_path / "there")
    assert os.environ["KAGGLEHUB_CACHE"] == str(tmp_path / "usual")
    assert fetch_kaggle().is_relative_to(tmp_path / "usual")


def test_a_failure_is_one_sentence_with_a_way_out(
    kaggle: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(handle: str) -> str:
        raise ConnectionError("no route to host, " * 20 + "\nand much more")

    monkeypatch.setattr(kaggle, "dataset_download", fail)
    with pytest.raises(PneumoscopeError) as caught:
        fetch_kaggle(tmp_path / "out")
    message = str(caught.value)
    assert "ConnectionError: no route to host" in message
    assert f"https://www.kaggle.com/datasets/{DATASET}" in message
    assert "KAGGLE_API_TOKEN" in message
    assert "\n" not in message
    assert len(message) < 500
    assert "KAGGLEHUB_CACHE" not in os.environ


def test_a_download_without_films(
    kaggle: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = SimpleNamespace(folder=tmp_path / "empty")
    empty.folder.mkdir()
    monkeypatch.setattr(kaggle, "dataset_download", lambda handle: str(empty.folder))
    with pytest.raises(PneumoscopeError, match="holds no films"):
        fetch_kaggle()


def test_without_kagglehub(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "kagglehub", None)
    with pytest.raises(MissingExtra, match=r"pneumoscope\[kaggle\]"):
        fetch_kaggle()
