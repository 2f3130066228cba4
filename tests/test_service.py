import asyncio
import json
from pathlib import Path

import pytest

from pneumoscope.inference.bundle import load_bundle
from pneumoscope.inference.reader import Reader
from pneumoscope.serve.desk import Full
from pneumoscope.serve.service import Film, Service
from serving import Slow, bundle_path, film, small, wait_for

__all__ = ["bundle_path"]


def test_nothing_is_written_unless_asked(
    bundle_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    sent = [Film("../a.png", film()), Film("b.txt", b"no film")]
    for keep in (None, tmp_path / "kept"):
        service = Service(Reader(load_bundle(bundle_path)), keep=keep)
        read, refused = asyncio.run(service.read(sent))
        service.close()
        assert read.film == sent[0].data
        assert refused.film == b""
        if keep is None:
            assert list(tmp_path.iterdir()) == []
    assert (tmp_path / "kept" / f"{read.id}.film").read_bytes() == sent[0].data
    told = json.loads((tmp_path / "kept" / f"{refused.id}.json").read_text())
    assert (told["file"], told["status"]) == ("b.txt", "refused")
    assert len(list((tmp_path / "kept").iterdir())) == 4


def test_requests_at_once_get_their_own_readings(bundle_path: Path) -> None:
    service = Service(Reader(load_bundle(bundle_path)))
    logits = [at / 10 for at in range(-20, 20)]

    async def all_of_them() -> list[float | None]:
        asked = [service.read([Film(f"{at}.png", film(at))]) for at in logits]
        answers = await asyncio.gather(*asked)
        assert [kept.name for (kept,) in answers] == [f"{at}.png" for at in logits]
        return [kept.reading.logit for (kept,) in answers]

    found = asyncio.run(all_of_them())
    service.close()
    assert found == sorted(found, key=float)  # type: ignore[arg-type]
    assert len(set(found)) == len(logits)


def test_what_is_drawn_is_bounded(bundle_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pneumoscope.serve.service._DRAWINGS", 2)
    reader = Slow(load_bundle(bundle_path))
    service = Service(reader, limits=small())

    async def three() -> list[object]:
        async def let_go() -> None:
            await asyncio.sleep(0.1)
            reader.go.set()

        drawn = [service.draw(reader.go.wait, 20) for _ in range(3)]
        return await asyncio.gather(*drawn, let_go(), return_exceptions=True)

    first, second, third, _ = asyncio.run(three())
    assert first is second is True
    assert isinstance(third, Full)
    assert asyncio.run(service.draw(len, "abc")) == 3
    service.close()
    wait_for(lambda: service.desk.closed)
