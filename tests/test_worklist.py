import csv
import io

from pneumoscope.inference.reader import READ, REFUSED, Reading
from pneumoscope.serve.store import Store
from pneumoscope.serve.worklist import to_csv


def test_a_row_for_each_film_and_no_formula() -> None:
    store = Store(films=9, size=9, seconds=9)
    read = Reading("", READ, 0.25, "NORMAL", None, -1.5, "balanced", ("turned", "inverted"))
    refused = Reading("", REFUSED, None, None, "blank, or so")
    kept = [
        store.put("a.png", read, b""),
        store.put('=HYPERLINK("x")', refused, b""),
        store.put("@b", read, b""),
    ]
    rows = list(csv.DictReader(io.StringIO(to_csv(kept))))
    assert [row["name"] for row in rows] == ["a.png", '\'=HYPERLINK("x")', "'@b"]
    assert rows[0] == {
        "id": kept[0].id,
        "name": "a.png",
        "status": "read",
        "probability": "0.25",
        "call": "NORMAL",
        "reason": "",
        "logit": "-1.5",
        "operating_point": "balanced",
        "notes": "turned; inverted",
        "subtype": "",
        "subtype_probability": "",
    }
    assert (rows[1]["status"], rows[1]["reason"]) == ("refused", "blank, or so")
