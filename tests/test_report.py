from __future__ import annotations

import html
import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from evaluations import HOSTILE, audit_record, change, evaluated
from pneumoscope.errors import UsageError
from pneumoscope.evaluation.report import Report, report, report_comparison
from pneumoscope.evaluation.report_page import SECTIONS
from pneumoscope.metrics.calibration import OperatingPoints
from test_report_fusion import told


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Report]:
    root = tmp_path_factory.mktemp("report")
    folder = evaluated(root)
    return root, report(folder, films=root / "chest", bundle=root / "b.pneumo")


class Visible(HTMLParser):
    """The text that a reader sees outside of drawings, and every attribute that loads something."""

    def __init__(self) -> None:
        super().__init__()
        self.text: list[str] = []
        self.loads: list[str] = []
        self.tags: set[str] = set()
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self._hidden += tag in ("style", "svg", "title")
        self.loads += [value or "" for name, value in attrs if name in ("src", "href")]

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in ("style", "svg", "title")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.text.append(data)


def visible(page: str) -> Visible:
    parser = Visible()
    parser.feed(page)
    return parser


def numbers(value: Any) -> list[float]:
    if isinstance(value, dict):
        return [n for key, item in value.items() for n in (*numbers(item), *numbers(key))]
    if isinstance(value, list):
        return [n for item in value for n in numbers(item)]
    if isinstance(value, str):
        return [float(n) for n in re.findall(r"\d+\.\d+", value)]
    return [float(value)] if isinstance(value, int | float) else []


def test_every_figure_on_the_page_stands_in_the_json(made: tuple[Path, Report]) -> None:
    _, written = made
    known = np.array(numbers(json.loads(written.json.read_text(encoding="utf-8"))))
    page = written.page.read_text(encoding="utf-8").split('<h2 id="checklist">')[0]
    text = re.sub(r"doi:\S+", "", " ".join(visible(page).text))
    shown = re.findall(r"(?<![\d.])[+-]?\d+\.\d+(?![\d.])", text)
    assert len(shown) > 150
    for number in shown:
        digits = len(number.partition(".")[2])
        gap = np.abs(np.abs(known) - abs(float(number))).min()
        assert gap <= 0.51 * 10**-digits, number


def test_the_page_holds_every_section_and_loads_nothing(made: tuple[Path, Report]) -> None:
    root, written = made
    page = written.page.read_text(encoding="utf-8")
    parser = visible(page)
    assert [f'<h2 id="{name}">' in page for name in SECTIONS] == [True] * len(SECTIONS)
    assert all(load.startswith(("#", "data:image/jpeg;base64,")) for load in parser.loads)
    assert not {"script", "link", "iframe", "object", "form"} & parser.tags
    assert "default-src 'none'" in page
    assert "url(" not in page
    assert page.count("Not a medical device.") == 1
    assert str(root) not in page + written.json.read_text(encoding="utf-8")
    assert "nan" not in page.lower().split()


def test_the_worst_errors_have_pictures(made: tuple[Path, Report]) -> None:
    _, written = made
    errors = written.facts["errors"]
    assert [error["kind"] for error in errors] == ["missed", "missed", "false_alarm"]
    assert [error["file"].rsplit("/")[-1] for error in errors] == [
        *("person90005_virus_6.png", "person90002_bacteria_3.png", "NORMAL2-IM-90004-0001.png")
    ]
    assert {error["method"] for error in errors} == {"occlusion"}
    assert written.page.read_text(encoding="utf-8").count("data:image/jpeg") == 6


def test_the_model_card_is_a_table_of_the_same_figures(made: tuple[Path, Report]) -> None:
    _, written = made
    assert written.card is not None
    card = written.card.read_text(encoding="utf-8")
    area = written.facts["figures"]["roc_auc"]
    assert f"| ROC-AUC | 0.833 | {area['low']:.3f} to {area['high']:.3f} | 11 (9) |" in card
    assert card.count("Not a medical device.") == 1


def test_korean(made: tuple[Path, Report], tmp_path: Path) -> None:
    root, english = made
    written = report(root / "out", out=tmp_path / "proof", language="ko")
    assert written.page.name == "report.ko.html"
    page = written.page.read_text(encoding="utf-8")
    assert '<html lang="ko">' in page
    assert page.count("의료기기가 아닙니다.") == 1
    assert "Not a medical device" not in page
    assert "재현율(민감도)" in page
    assert written.facts["figures"] == english.facts["figures"]
    with pytest.raises(UsageError, match="en or ko"):
        report(root / "out", language="tlh")


def test_hostile_texts_stay_texts(tmp_path: Path) -> None:
    folder = evaluated(tmp_path, fields={HOSTILE: [HOSTILE, "b"] * 5 + ["b"]})
    texts = dict.fromkeys(("probe", "name", "measure", "says"), HOSTILE)
    audit = audit_record(data={"name": HOSTILE})
    audit["rows"][0] |= texts
    (folder / "audit.json").write_text(json.dumps(audit))

    def spoil(value: dict[str, Any]) -> None:
        value["bundle"]["file"] = value["data"]["name"] = value["data"]["split"] = HOSTILE
        value["data"]["classes"] = [HOSTILE, HOSTILE]
        value["warnings"] = value["notes"] = [HOSTILE]
        value["bundle"]["provenance"] = {"recipe": {"name": HOSTILE, HOSTILE: HOSTILE}}
        value["refused"]["reasons"] = {HOSTILE: HOSTILE}
        value["figures"]["loss"]["method"] = HOSTILE

    change(folder, spoil)
    written = report(folder, reference=HOSTILE)
    page = written.page.read_text(encoding="utf-8")
    assert "<script" not in page
    assert "script" not in visible(page).tags
    assert page.count(html.escape("<script>alert(1)")) > 15
    assert written.card is not None
    card = written.card.read_text(encoding="utf-8")
    assert "<script" not in card.replace("\\<", "")
    assert "`x`" not in card.replace("\\`", "")


def test_films_of_one_class(tmp_path: Path) -> None:
    folder = evaluated(tmp_path)
    for path in (tmp_path / "chest" / "test" / "NORMAL").iterdir():
        path.unlink()
    from pneumoscope.evaluation.evaluate import evaluate

    evaluate(
        tmp_path / "chest",
        bundle=tmp_path / "b.pneumo",
        out=folder,
        resamples=20,
        progress=False,
    )
    written = report(folder)
    assert written.facts["curves"]["roc"] is None
    page = written.page.read_text(encoding="utf-8")
    assert "Not defined: the films that were read are not of both classes." in page
    assert "no negative film was read" in page


def test_scores_that_are_all_equal(tmp_path: Path) -> None:
    films = tmp_path / "chest" / "test"
    evaluated(tmp_path)
    grey = np.tile(np.linspace(40, 216, 64), (64, 1)).astype(np.uint8)
    for path in films.rglob("*.png"):
        Image.fromarray(grey).save(path)
    from pneumoscope.evaluation.evaluate import evaluate

    out = tmp_path / "equal"
    evaluate(tmp_path / "chest", bundle=tmp_path / "b.pneumo", out=out, resamples=20)
    written = report(out)
    assert written.facts["curves"]["all_scores_equal"]
    assert written.facts["figures"]["roc_auc"]["value"] == 0.5
    assert "Every film has the same score" in written.page.read_text(encoding="utf-8")


def test_refusals_only(tmp_path: Path) -> None:
    evaluated(tmp_path)
    for path in (tmp_path / "chest").rglob("*.png"):
        path.write_bytes(b"")
    from pneumoscope.evaluation.evaluate import evaluate

    out = tmp_path / "refused"
    evaluate(tmp_path / "chest", bundle=tmp_path / "b.pneumo", out=out, resamples=20)
    written = report(out)
    page = written.page.read_text(encoding="utf-8")
    assert "Every film was refused, so there is no figure." in page
    assert written.facts["refusals"]["reasons"] == {"the file is empty": 11}
    assert "the file is empty" in page
    assert written.facts["errors"] == []


def test_an_audit_is_shown_or_missed(made: tuple[Path, Report], tmp_path: Path) -> None:
    assert "No audit was made." in made[1].page.read_text(encoding="utf-8")
    folder = evaluated(tmp_path)
    (folder / "audit.json").write_text(json.dumps(audit_record()))
    written = report(folder)
    page = written.page.read_text(encoding="utf-8")
    assert "No audit was made." not in page
    assert "regions: border only" in page
    assert page.count("0.810") == 2
    assert page.count("(0.700 to 0.900)") == 2
    assert page.count("Audit: 1 fail, 0 warn, 1 pass, 1 not asked.") == 2
    assert page.count("shorter side (0: as it is)") == 3
    assert written.card is not None
    assert "| subgroups: age | not asked |  |  |  |" in written.card.read_text(encoding="utf-8")
    korean = report(folder, language="ko").page.read_text(encoding="utf-8")
    assert "영역: 가장자리만" in korean


def test_fields_beside_the_film_are_on_the_page_and_the_card(tmp_path: Path) -> None:
    folder = evaluated(tmp_path)
    (folder / "fusion.json").write_text(json.dumps(told()))
    written = report(folder)
    assert "Clinical fields beside the film" in written.page.read_text(encoding="utf-8")
    assert written.card is not None
    card = written.card.read_text(encoding="utf-8")
    table = card.split("## Clinical fields beside the film")[1].split("##")[0]
    rows = [line for line in table.splitlines() if line.startswith("|")]
    assert len(rows) == 5
    assert {line.count("|") for line in rows} == {6}
    assert all("0.800 (0.700 to 0.900; n = " in line for line in rows[2:])


def test_an_audit_may_lie_elsewhere(tmp_path: Path) -> None:
    folder, other = evaluated(tmp_path), tmp_path / "audit"
    other.mkdir()
    (other / "audit.json").write_text(json.dumps(audit_record()))
    assert report(folder).facts["audit"] is None
    assert report(folder, audit=other).facts["audit"]["data"] == "audited"


def test_a_field_that_gives_the_label_away_is_named(tmp_path: Path) -> None:
    sharp = [str(1 + i) for i in range(5)] + [str(20 + i) for i in range(6)]
    folder = evaluated(tmp_path, fields={"exposure": sharp, "sex": ["F", "M"] * 5 + ["F"]})
    written = report(folder)
    telling = {row["field"]: row["telling"] for row in written.facts["fields"]}
    assert telling == {"exposure": True, "sex": False}
    page = written.page.read_text(encoding="utf-8")
    assert "The field exposure gives the label away by itself." in page


def test_a_comparison_is_written(tmp_path: Path) -> None:
    one = evaluated(tmp_path / "one")
    points = OperatingPoints(-1.0, 1.0, 2.0)
    two = evaluated(tmp_path / "two", operating_points=points)
    written = report_comparison(one, two, out=tmp_path / "both")
    page = written.page.read_text(encoding="utf-8")
    assert written.card is None
    assert json.loads(written.json.read_text(encoding="utf-8")) == written.facts
    assert "McNemar exact" in page
    assert page.count("Not a medical device.") == 1
    korean = report_comparison(one, two, out=tmp_path / "both", language="ko")
    assert "짝지은 차이" in korean.page.read_text(encoding="utf-8")


def test_a_report_needs_no_torch(made: tuple[Path, Report]) -> None:
    code = (
        "import sys\n"
        "from pneumoscope.evaluation.report import report\n"
        "report(sys.argv[1], films=sys.argv[2], bundle=sys.argv[3], out=sys.argv[4])\n"
        "assert not {'torch', 'onnx', 'matplotlib'} & sys.modules.keys()\n"
    )
    root = made[0]
    paths = [str(root / name) for name in ("out", "chest", "b.pneumo", "again")]
    subprocess.run([sys.executable, "-c", code, *paths], check=True)
