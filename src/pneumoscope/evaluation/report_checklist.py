"""What two reporting guidelines ask for, in our words, and where this report answers.

CLAIM: Mongan, Moy & Kahn 2020, *Checklist for Artificial Intelligence in Medical Imaging*, 42
items. TRIPOD+AI: Collins et al. 2024, *BMJ* 385:e078378, 27 items. The wording is a paraphrase;
the numbers lead to the originals.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

YES, PARTLY, AUTHOR = "yes", "partly", "author"

# Number in CLAIM, number in TRIPOD+AI, topic (a key of report_words), section of the page, answer.
# An answer that begins with "if:" is YES where the report has that part and AUTHOR where not.
_ITEMS: tuple[tuple[str, str, str, str, str], ...] = (
    ("1, 2", "1, 2", "title", "summary", YES),
    ("3", "3a, 3b", "context", "use", PARTLY),
    ("", "3c, 14", "fairness", "groups", "if:subgroups"),
    ("4, 6", "4", "aims", "use", PARTLY),
    ("5", "5b", "design", "", AUTHOR),
    ("7", "5a", "sources", "flow", PARTLY),
    ("8", "6a, 6b", "eligibility", "use", PARTLY),
    ("", "6c", "treatment", "", AUTHOR),
    ("9, 11", "7, 9b", "preparation", "provenance", PARTLY),
    ("10", "", "subsets", "flow", YES),
    ("12", "17", "ethics", "", AUTHOR),
    ("13", "11", "missing", "refusals", YES),
    ("14, 15", "8a", "reference", "reference", "if:reference"),
    ("16, 17, 18", "8b, 8c", "annotators", "", AUTHOR),
    ("19", "10", "sample_size", "figures", PARTLY),
    ("20, 21", "12a", "partitions", "selection", YES),
    ("22, 23, 24", "12c, 22", "model", "provenance", YES),
    ("25", "12b", "training", "provenance", YES),
    ("26, 27", "12g", "selecting", "selection", YES),
    ("", "13", "imbalance", "provenance", YES),
    ("28", "12e", "measures", "figures", PARTLY),
    ("29, 36", "23a", "intervals", "figures", YES),
    ("30", "12d, 23b", "robustness", "audit", "if:robustness"),
    ("31", "", "explain", "gallery", "if:pictures"),
    ("32", "16, 20c", "external", "", AUTHOR),
    ("", "15", "output", "points", YES),
    ("33", "20a, 21", "flow", "flow", YES),
    ("34", "20b", "characteristics", "groups", "if:subgroups"),
    ("35", "12f, 24", "updating", "selection", PARTLY),
    ("37", "", "failures", "gallery", "if:errors"),
    ("38", "26", "limits", "use", YES),
    ("39", "25, 27b, 27c", "practice", "use", PARTLY),
    ("", "27a", "poor_input", "refusals", YES),
    ("40, 41", "18c, 18d", "protocol", "", AUTHOR),
    ("", "18e, 18f", "sharing", "provenance", PARTLY),
    ("42", "18a, 18b", "funding", "", AUTHOR),
    ("", "19", "public", "", AUTHOR),
)


def checklist(facts: Mapping[str, Any]) -> list[dict[str, str]]:
    """Each topic with its numbers in both guidelines, where it is answered, and whether."""
    has = {
        "subgroups": bool(facts["subgroups"]),
        "reference": bool(facts["reference"]["told"] or facts["reference"]["kermany"]),
        "robustness": bool(facts["audit"] or facts["shift"]),
        "pictures": any(error["method"] for error in facts["errors"]),
        "errors": bool(facts["errors"]) or not facts["flow"]["fp"] + facts["flow"]["fn"],
    }
    rows = []
    for claim, tripod, topic, section, answer in _ITEMS:
        if answer.startswith("if:"):
            answer = YES if has[answer.removeprefix("if:")] else AUTHOR
        where = section if answer != AUTHOR else ""
        rows.append(
            {"claim": claim, "tripod": tripod, "topic": topic, "section": where, "answer": answer}
        )
    return rows
