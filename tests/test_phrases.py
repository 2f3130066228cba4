from __future__ import annotations

from pneumoscope.phrases import Phrases

KOREAN = Phrases(
    terms={"blank": "빈 사진", "top right": "오른쪽 위"},
    sentences={
        "{count} of {total} in the {place}": "{place}에서 {total}장 가운데 {count}장",
        "in (a) place: {place}": "어떤 곳: {place}",
    },
)


def test_whole_phrases_come_first_and_the_rest_is_not_known() -> None:
    assert KOREAN.find("blank") == "빈 사진"
    assert KOREAN.find("blank page") is None
    assert Phrases().find("blank") is None


def test_sentences_hold_phrases_and_what_nobody_translated() -> None:
    assert KOREAN.find("2 of 1,000 in the top right") == "오른쪽 위에서 1,000장 가운데 2장"
    assert KOREAN.find("2 of 3 in the {cellar}") == "{cellar}에서 3장 가운데 2장"
    assert KOREAN.find("in (a) place: blank") == "어떤 곳: 빈 사진"


def test_places_of_numbers_take_nothing_else() -> None:
    assert KOREAN.find("two of 3 in the cellar") is None


def test_a_very_long_text_is_not_searched() -> None:
    assert KOREAN.find("in (a) place: " + "x" * 400) is None


def test_both_together_say_it_as_the_second_does() -> None:
    both = KOREAN | Phrases({"blank": "빈칸"}, {"only {place}": "{place}만"})
    assert both.find("blank") == "빈칸"
    assert both.find("only top right") == "오른쪽 위만"
