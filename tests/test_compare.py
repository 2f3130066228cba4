from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bundles import write_brightness
from evaluations import evaluated
from pneumoscope.errors import UsageError
from pneumoscope.evaluation.compare import gather
from pneumoscope.evaluation.evaluate import evaluate
from pneumoscope.evaluation.report_input import Evaluation, open_evaluation
from pneumoscope.metrics.calibration import OperatingPoints
from pneumoscope.metrics.intervals import delong_paired, mcnemar


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Evaluation, Evaluation]:
    root = tmp_path_factory.mktemp("compare")
    one = evaluated(root / "one")
    two = evaluated(root / "two", operating_points=OperatingPoints(-1.0, 1.0, 2.0))
    return open_evaluation(one), open_evaluation(two)


def test_paired_tests_are_those_of_the_metrics(pair: tuple[Evaluation, Evaluation]) -> None:
    a, b = pair
    paired = gather(a, b)["paired"]
    expected = mcnemar(a.truth, a.call, b.call, a.patients).to_json()
    assert paired["accuracy"] == expected
    assert paired["roc_auc"] == delong_paired(a.truth, a.logit, b.logit, a.patients).to_json()
    assert paired["roc_auc"]["difference"] == 0
    assert paired["roc_auc"]["p"] == 1
    assert paired["sensitivity"]["difference"] == pytest.approx(1 / 6)
    assert paired["sensitivity"]["n"] == 6
    assert paired["specificity"]["difference"] == pytest.approx(-1 / 5)
    assert paired["brier"]["difference"] == 0


def test_calls_are_counted_and_shown(pair: tuple[Evaluation, Evaluation]) -> None:
    facts = gather(*pair)
    assert facts["agreement"] == {"both_right": 7, "only_a": 1, "only_b": 1, "both_wrong": 2}
    assert {row["file"].rsplit("/")[-1] for row in facts["differ"]} == {
        *("NORMAL2-IM-90004-0001.png", "person90004_virus_5.png")
    }
    assert facts["films"] == 11
    assert facts["refused"] == 0


def test_films_may_be_listed_in_another_order(pair: tuple[Evaluation, Evaluation]) -> None:
    from dataclasses import replace

    a, b = pair
    order = np.arange(11)[::-1]
    turned = replace(
        b,
        rows=[b.rows[i] for i in order],
        truth=b.truth[order],
        logit=b.logit[order],
        probability=b.probability[order],
        patients=b.patients[order],
    )
    assert gather(a, turned)["paired"] == gather(a, b)["paired"]


def test_other_films_are_refused_by_name(
    pair: tuple[Evaluation, Evaluation], tmp_path: Path
) -> None:
    other = evaluated(tmp_path)
    write_brightness(
        tmp_path / "chest" / "test" / "NORMAL" / "NORMAL2-IM-90009-0001.png", 1.0, seed=50
    )
    evaluate(
        tmp_path / "chest", bundle=tmp_path / "b.pneumo", out=other, resamples=5, progress=False
    )
    with pytest.raises(UsageError, match=r"0 are only in .* 1 only in .*NORMAL2-IM-90009-0001"):
        gather(pair[0], open_evaluation(other))


def test_another_truth_is_refused(pair: tuple[Evaluation, Evaluation]) -> None:
    from dataclasses import replace

    a, b = pair
    rows = [dict(row) for row in b.rows]
    rows[0]["label"] = "1"
    with pytest.raises(UsageError, match="differ in the truth of"):
        gather(a, replace(b, rows=rows))


def test_films_that_one_refused_are_left_out(pair: tuple[Evaluation, Evaluation]) -> None:
    from dataclasses import replace

    a, b = pair
    kept = replace(
        b,
        rows=b.rows[1:],
        refused=[b.rows[0]],
        truth=b.truth[1:],
        logit=b.logit[1:],
        probability=b.probability[1:],
        patients=b.patients[1:],
    )
    facts = gather(a, kept)
    assert (facts["films"], facts["refused"]) == (10, 1)
