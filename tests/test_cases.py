from pathlib import Path

import pytest

from pneumoscope.data.cases import FieldsTable, listed_films
from pneumoscope.errors import UsageError


def table(folder: Path, text: str) -> Path:
    path = folder / "t.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_films_are_listed_with_their_fields_and_without_labels(tmp_path: Path) -> None:
    path = table(tmp_path, "file,Age\nward/a.png,54\n\nb.png,\n")
    assert list(listed_films(path)) == [
        (tmp_path / "ward" / "a.png", {"file": "ward/a.png", "age": "54"}),
        (tmp_path / "b.png", {"file": "b.png", "age": ""}),
    ]


def test_rows_are_found_by_the_end_of_the_path(tmp_path: Path) -> None:
    path = table(tmp_path, "path,age\na.png,1\nward/a.png,2\n")
    found = FieldsTable(path)
    for film, age in (("x/ward/a.png", "2"), ("a.png", "1"), ("other/a.png", "1")):
        row = found.of(Path(film))
        assert row is not None
        assert row["age"] == age
    assert found.of(Path("ward/b.png")) is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("film,age\na.png,1\n", "needs the column path"),
        ("path,age\n,1\n", "line 2: the column path is empty"),
        ("path,age\na.png,1\na.png,2\n", "line 3: a.png has other fields on line 2"),
    ],
)
def test_lines_that_cannot_be_used(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        FieldsTable(table(tmp_path, text))


def test_the_same_row_twice_is_none_too_many(tmp_path: Path) -> None:
    found = FieldsTable(table(tmp_path, "path,age\na.png,1\na.png,1\n"))
    assert found.of(Path("a.png")) is not None
