from conftest import SAMPLE
from pneumoscope.files import sha256
from pneumoscope.serve.samples import SAMPLES, sample_bytes


def test_the_films_to_try_are_small_and_of_the_test_folder() -> None:
    truths = {"NORMAL": None, "bacteria": "bacterial", "virus": "viral"}
    known = {}
    for path in (SAMPLE / "test").rglob("*.jpeg"):
        kind = next((kind for word, kind in truths.items() if word in str(path)), None)
        known[sha256(path.read_bytes())] = (path.parent.name, kind)
    total = 0
    for name, truth in SAMPLES.items():
        data = sample_bytes(name)
        total += len(data)
        assert known[sha256(data)] == truth
    assert total < 300_000
