from pathlib import Path

import pytest

import bundles
from pneumoscope.inference.reader import Reader
from pneumoscope.metrics.calibration import Calibration
from pneumoscope.serve.facts import bundle_facts
from pneumoscope.serve.service import Service


def test_thresholds_stand_on_the_scale_in_use(tmp_path: Path) -> None:
    calibration = Calibration(temperature=2.0, offset=0.5, prevalence=0.7)
    bundle = bundles.make_bundle(tmp_path / "ward.pneumo", calibration=calibration)
    reader = Reader(bundle, operating_point="screen", prevalence=0.1)
    service = Service(reader, operating_point="screen", prevalence=0.1)
    facts = bundle_facts(service)
    service.close()
    assert (facts.name, facts.classes) == ("ward", ("NORMAL", "PNEUMONIA"))
    assert facts.operating_point == "screen"
    assert [point.name for point in facts.operating_points] == ["screen", "balanced", "confirm"]
    for point in facts.operating_points:
        expected = calibration.probability(point.logit, prevalence=0.1)
        assert point.probability == pytest.approx(float(expected))
    assert (facts.scale.prevalence, facts.scale.fitted_prevalence) == (0.1, 0.7)
    assert (facts.subtypes, facts.evidence) == (False, "occlusion")
    assert facts.limits.films == service.limits.films
    assert "/" not in facts.name
