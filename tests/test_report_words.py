from __future__ import annotations

import re
import string
from importlib import resources

import pytest

from pneumoscope.evaluation import figures
from pneumoscope.evaluation.audit_changes import CURVES
from pneumoscope.evaluation.report_checklist import _ITEMS
from pneumoscope.evaluation.report_page import COMPARED, SECTIONS
from pneumoscope.evaluation.report_words import LANGUAGES, catalogue, say, term, translation


def places(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_both_languages_say_the_same_with_the_same_places() -> None:
    english, korean = (catalogue(language)["words"] for language in LANGUAGES)
    assert english.keys() == korean.keys()
    for key, text in english.items():
        assert places(text) == places(korean[key]), key
        assert text.strip(), key
        assert korean[key].strip(), key


def test_korean_is_korean() -> None:
    words = catalogue("ko")["words"]
    plain = {key for key, text in words.items() if not re.search("[가-힣]", text)}
    assert plain == {"language", "to", "interval", "select_auc", "flow_by_class"}


def test_every_word_is_used_and_every_used_word_is_there() -> None:
    folder = resources.files("pneumoscope.evaluation")
    texts = [path.read_text("utf-8") for path in folder.joinpath("templates").iterdir()]
    texts += [
        folder.joinpath(f"{name}.py").read_text("utf-8")
        for name in ("report_drawings", "report_page", "report_gallery")
    ]
    used = {key for text in texts for key in re.findall(r"\"(\w+)\"", text)}
    used |= {*SECTIONS, *COMPARED, *(f"topic_{item[2]}" for item in _ITEMS)}
    words = catalogue("en")["words"]
    for prefix, endings in {
        "silent": ("absent", "changed", "refused"),
        "answer": ("yes", "partly", "author"),
        "select": ("auc", "loss"),
        "change": tuple(CURVES),
        "compare": ("both_right", "only_a", "only_b", "both_wrong"),
    }.items():
        used |= {f"{prefix}_{ending}" for ending in endings}
    called = {key for text in texts for key in re.findall(r"say\(\"(\w+[a-z])\"[,)]", text)}
    assert called <= words.keys() | {"select_", "topic_"}
    assert used >= words.keys()


def test_figures_and_reasons_have_korean_names() -> None:
    for text in (*figures.LABELS.values(), *figures._UNDEFINED.values()):
        if text != "no film has this figure":
            assert text in catalogue("ko")["terms"], text


def test_terms() -> None:
    assert term("ko", "accuracy") == "정확도"
    assert term("ko", "bootstrap over patients, 50 resamples") == "환자 부트스트랩, 50회"
    assert term("en", "bootstrap over patients, 50 resamples").startswith("bootstrap over")
    assert term("ko", "what nobody has translated") == "what nobody has translated"
    assert term("ko", None) == ""
    assert say("en", "to", low="0.1", high="0.2") == "0.1 to 0.2"
    with pytest.raises(KeyError):
        say("en", "no such word")


def test_sentences_are_said_with_what_stands_in_them() -> None:
    said = translation("ko", "worst of 4 (top right): 2 calls turn over, 1 to PNEUMONIA")
    assert said == (
        "4가지 가운데 가장 나쁜 것(오른쪽 위): 판정 2건이 뒤집힘, 그 가운데 PNEUMONIA(으)로 1건"
    )
    assert (
        translation("ko", "0 of 144, by salted hash") == "144장 가운데 0장, 솔트를 넣은 해시로 대조"
    )
    assert translation("ko", "nobody has translated this {count}") is None
    assert translation("en", "no call turns over") is None


def test_reasons_of_the_reader_are_said_too() -> None:
    said = translation("ko", "view LATERAL is not frontal")
    assert said == "정면 촬영이 아닙니다(LATERAL)"
    assert translation("ko", "the file is empty") == "빈 파일입니다"


def test_sentences_keep_their_places() -> None:
    for english, korean in catalogue("ko")["sentences"].items():
        assert places(english) == places(korean), english
        assert re.search("[가-힣]", korean), english
