from __future__ import annotations

from pathlib import Path

import pytest

from pneumoscope.data.manifest import Sizes, read_manifest
from pneumoscope.errors import PneumoscopeError, UsageError
from trees import touch


def manifest(folder: Path, text: str) -> Path:
    path = folder / "films.csv"
    path.write_text(text, encoding="utf-8")
    for name in ("a.png", "b.png"):
        touch(folder / name)
    return path


def test_columns_become_fields_of_the_entry(tmp_path: Path) -> None:
    path = manifest(
        tmp_path,
        "\ufeffPath,Label,Patient,Split,subtype,original_width,original_height,age\n"
        "a.png,NORMAL,p1,training,,2000,1500.0,41\n"
        "\n"
        ' b.png ,PNEUMONIA,p2,VAL,viral,,,"7, about"\n',
    )
    first, second = read_manifest(path)
    assert (first.path, first.class_name, first.patient) == (tmp_path / "a.png", "NORMAL", "p1")
    assert (first.split, first.width, first.height) == ("train", 2000, 1500)
    assert (second.split, second.subtype, second.width) == ("val", "viral", None)
    assert (dict(first.fields), dict(second.fields)) == ({"age": "41"}, {"age": "7, about"})


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        ("path,age\na.png,1\n", UsageError, "lacks the column label"),
        ("", UsageError, "lacks the column label and the column path"),
        ("path,label\n", PneumoscopeError, "lists no films"),
        ("path,label\na.png,\n", UsageError, "line 2: the column label is empty"),
        ("path,label\na.png,x,y\n", UsageError, "line 2: 3 values for 2 columns"),
        ("path,label\na.png,x\na.png,y\n", UsageError, "line 3: a.png stands on line 2 too"),
        ("path,label,split\na.png,x,later\n", UsageError, "line 2: the split 'later'"),
        ("path,label,original_width\na.png,x,-3\n", UsageError, "'-3' is not a size"),
        ("path,label,original_width\na.png,x,nan\n", UsageError, "'nan' is not a size"),
        (
            "path,label\na.png,x\nc.png,x\nd.png,y\n",
            PneumoscopeError,
            r"do not exist: c\.png \(line 3\) and 1 more",
        ),
    ],
)
def test_unusable_lines_are_named(
    tmp_path: Path, text: str, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        read_manifest(manifest(tmp_path, text))


def test_a_file_that_is_no_table(tmp_path: Path) -> None:
    path = tmp_path / "films.csv"
    path.write_bytes(b"path,label\n\xff\xfe\x00,x\n")
    with pytest.raises(PneumoscopeError, match="not a CSV table in UTF-8"):
        read_manifest(path)


def test_sizes_match_by_the_end_of_a_path(tmp_path: Path) -> None:
    path = tmp_path / "sizes.csv"
    path.write_text(
        "split,class,file,width,height\ntrain,NORMAL,a.jpeg,2000,1500\nval,NORMAL,b.jpeg,9,8\n"
        "train,PNEUMONIA,c.jpeg,1,2\nval,PNEUMONIA,c.jpeg,3,4\n"
    )
    sizes = Sizes(path)
    assert sizes.of(Path("x/train/NORMAL/a.jpeg")) == (2000, 1500)
    assert sizes.of(Path("moved/NORMAL/b.jpeg")) == (9, 8)
    assert sizes.of(Path("val/PNEUMONIA/c.jpeg")) == (3, 4)
    assert sizes.of(Path("moved/PNEUMONIA/c.jpeg")) is None  # two films end like this
    assert sizes.of(Path("x/train/PNEUMONIA/a.jpeg")) is None


def test_sizes_by_path(tmp_path: Path) -> None:
    path = tmp_path / "sizes.csv"
    path.write_text("path,width,height\nimages/a.png,640,480\nb.png,3,4\nc.png,,\n")
    sizes = Sizes(path)
    assert sizes.of(Path("/data/images/a.png")) == (640, 480)
    assert sizes.of(Path("/data/a.png")) is None
    assert sizes.of(Path("/anywhere/b.png")) == (3, 4)
    assert sizes.of(Path("/anywhere/c.png")) is None


def test_sizes_without_the_columns(tmp_path: Path) -> None:
    path = tmp_path / "sizes.csv"
    path.write_text("name,width,height\na.png,1,2\n")
    with pytest.raises(UsageError, match="split,class,file,width,height or path,width,height"):
        Sizes(path)
    with pytest.raises(PneumoscopeError, match="cannot be read"):
        Sizes(tmp_path / "nowhere.csv")


def test_labels_may_be_wanting_where_that_is_asked_for(tmp_path: Path) -> None:
    path = manifest(tmp_path, "path,label\na.png,\nb.png,x\n")
    assert [entry.class_name for entry in read_manifest(path, labelled=False)] == ["", "x"]
    with pytest.raises(UsageError, match="line 2: the column label is empty"):
        read_manifest(path)
    path = manifest(tmp_path, "path\na.png\n")
    assert [entry.class_name for entry in read_manifest(path, labelled=False)] == [""]
    with pytest.raises(UsageError, match="lacks the column label"):
        read_manifest(path)
    with pytest.raises(UsageError, match="lacks the column path"):
        read_manifest(manifest(tmp_path, "label\nx\n"), labelled=False)
