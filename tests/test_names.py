import pytest

from pneumoscope.serve.names import clean_name


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("film.jpeg", "film.jpeg"),
        ("흉부 사진.dcm", "흉부 사진.dcm"),
        ("../../etc/passwd", "passwd"),
        ("C:\\ward\\a.png", "a.png"),
        ("/abs/..", "film"),
        ("", "film"),
        ("\u202egnp.exe", "gnp.exe"),
        ("a\r\nSet-Cookie: x\x00.png", "aSet-Cookie: x.png"),
        ("\udcff\ud800.png", ".png"),
        ("<script>.svg", "<script>.svg"),
    ],
)
def test_a_name_can_be_shown_anywhere(sent: str, shown: str) -> None:
    assert clean_name(sent) == shown


def test_a_long_name_keeps_its_ends() -> None:
    shown = clean_name("a" * 5000 + ".jpeg")
    assert len(shown) <= 120
    assert shown.startswith("aaa")
    assert shown.endswith(".jpeg")
