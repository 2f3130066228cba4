from __future__ import annotations

import ast
import re
import string
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import pytest

from pneumoscope import film
from pneumoscope.inference import guard
from pneumoscope.inference.reasons import reasons

SOURCE = Path(str(resources.files("pneumoscope")))
# Where a film is read and judged, and how a reason is given there.
GIVEN = ("UnreadableFilm", "Examined")
READS = [
    *SOURCE.glob("*.py"),
    SOURCE / "inference" / "guard.py",
    SOURCE / "inference" / "reader.py",
]


def text_of(node: ast.expr) -> str | None:
    """A text as it is in the source, with a number in each of its places."""
    if isinstance(node, ast.JoinedStr):
        return "".join(str(p.value) if isinstance(p, ast.Constant) else "12" for p in node.values)
    is_text = isinstance(node, ast.Constant) and isinstance(node.value, str)
    return str(node.value) if is_text and isinstance(node, ast.Constant) else None


def given() -> Iterator[str]:
    """Every reason that the source gives."""
    for path in READS:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            said: list[ast.expr] = []
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in GIVEN:
                said = node.args
            elif isinstance(node, ast.FunctionDef) and node.name.startswith(("_why", "_refuse")):
                said = [r.value for r in ast.walk(node) if isinstance(r, ast.Return) and r.value]
            elif isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "reason":
                said = [node.value]
            yield from (text for each in said if (text := text_of(each)))


def test_every_reason_is_said_in_korean() -> None:
    found = set(given()) | {guard._FAR, guard._UNLIKE, guard._UNSURE, film.ROTATED}
    assert len(found) > 35
    assert [text for text in sorted(found) if reasons("ko").find(text) is None] == []


@pytest.mark.parametrize("inverted", [False, True])
@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_however_a_film_lies(turns: int, inverted: bool) -> None:
    if turns or inverted:
        said = reasons("ko").find(f"film {guard._found(turns, inverted)}: mended")
        assert said is not None
        assert not re.search("[A-Za-z]", said)


def test_both_sides_have_the_same_places() -> None:
    korean = reasons("ko")
    for english, said in korean.sentences.items():
        assert places(english) == places(said), english
    for said in (*korean.terms.values(), *korean.sentences.values()):
        assert re.search("[가-힣]", said)


def test_english_is_as_it_is() -> None:
    assert reasons("en").find("the file is empty") is None


def places(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}
