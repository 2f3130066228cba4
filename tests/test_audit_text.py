from __future__ import annotations

from pathlib import Path

from pneumoscope.evaluation.audit import Audit
from pneumoscope.evaluation.audit_text import to_markdown, to_text
from pneumoscope.evaluation.audit_verdict import Limits, Row, judged, not_asked
from pneumoscope.evaluation.figures import Estimate
from pneumoscope.metrics.intervals import Interval


def made(*rows: Row, refused: tuple[tuple[str, str], ...] = ()) -> Audit:
    return Audit(
        out=Path("out"),
        time="2025-01-01T00:00:00+00:00",
        bundle={"file": "a|b.pneumo"},
        data={"name": "chest"},
        notes=("11 test films were left alone; --split test opens them.",),
        left_out=1200,
        films_read=1500,
        patients_read=900,
        films_changed=500,
        refused=refused,
        rows=rows,
        threshold=0.0,
        resamples=10,
        seed=0,
    )


ESTIMATE = Estimate(Interval(0.5, 0.4, 0.6, 1500, 900, "made"))
BAD = judged("letters", "a letter", "share", ESTIMATE, Limits(0.05, 0.15), says="20 calls | more")
UNASKED = not_asked("subgroups", "age", "the films have no column age")


def test_the_table_has_figure_interval_n_and_limits() -> None:
    lines = to_text(made(BAD, UNASKED, refused=(("x.png", "blank"),))).splitlines()
    assert lines[0].startswith("chest: 1,500 films of 900 patients were read, and 500 of them")
    assert lines[1] == "1,200 films that the bundle trained on were left out"
    assert lines[2] == "1 films were refused, such as x.png: blank"
    (row,) = [line for line in lines if line.startswith("fail       letters")]
    assert row.split()[-8:] == ["0.500", "0.400", "to", "0.600", "1,500", "900", "0.05,", "0.15"]
    assert "  not asked: subgroups, age: the films have no column age" in lines
    assert "1 fail, 0 warn, 0 pass, 1 not asked" in lines
    assert lines.count("Not a medical device.") == 1


def test_markdown_is_one_table_beside_its_pictures() -> None:
    text = to_markdown(made(BAD, UNASKED))
    assert text.startswith("# Audit of a\\|b.pneumo\n")
    table = [line for line in text.splitlines() if line.startswith("|")]
    assert len(table) == 4
    assert {line.replace("\\|", "").count("|") for line in table} == {11}
    assert text.count("Not a medical device.") == 1
    assert "![Curves](curves.png)" in text
