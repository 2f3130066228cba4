import numpy as np
import pytest
import torch

from pneumoscope.model.decorrelation import Decorrelation


def films(count: int = 4000, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Acquisition (n, 3), labels (n,), and a logit that follows the first column in class 1."""
    generator = torch.Generator().manual_seed(seed)
    acquisition = torch.randn(count, 3, generator=generator)
    labels = (torch.rand(count, generator=generator) < 0.7).float()
    noise = torch.randn(count, generator=generator)
    logit = 4 * labels - 2 + 0.8 * acquisition[:, 0] * labels + 0.3 * noise
    return acquisition, labels, logit


def run(found: Decorrelation, logit: torch.Tensor, labels: torch.Tensor) -> list[float]:
    errors = []
    for start in range(0, len(logit) - 16, 16):
        rows = np.arange(start, start + 16)
        errors.append(float(found.error(logit[rows], labels[rows], rows)))
    return errors


def test_the_covariance_is_that_within_each_class() -> None:
    acquisition, labels, logit = films()
    found = Decorrelation(acquisition)
    errors = run(found, logit, labels)
    assert found.mean.tolist() == pytest.approx([-2, 2], abs=0.3)
    assert found.covariance[1, 0] == pytest.approx(0.8, abs=0.35)
    assert found.covariance[0].abs().max() < 0.3
    assert found.covariance[1, 1:].abs().max() < 0.4
    assert errors[:100] == [0.0] * 100
    assert np.mean(errors[150:]) > 0.3


def test_a_logit_that_follows_the_class_alone_is_no_error() -> None:
    acquisition, labels, _ = films()
    errors = run(Decorrelation(acquisition), 4 * labels - 2, labels)
    assert np.abs(errors[150:]).max() < 0.05


def test_its_gradient_lessens_the_covariance() -> None:
    acquisition, labels, logit = films()
    found = Decorrelation(acquisition)
    run(found, logit, labels)
    rows = np.arange(64)
    own = logit[rows].clone().requires_grad_()
    found.error(own, labels[rows], rows).backward()
    assert own.grad is not None
    positive = labels[rows] == 1
    # Large films of class 1, whose logits are too high, are pushed down, and small ones up.
    slope = np.polyfit(acquisition[rows][positive, 0], own.grad[positive], 1)[0]
    assert slope > 0


def test_it_goes_on_after_a_checkpoint() -> None:
    acquisition, labels, logit = films()
    through = Decorrelation(acquisition)
    run(through, logit[:2000], labels[:2000])
    resumed = Decorrelation(acquisition)
    resumed.load_state_dict(through.state_dict())
    rows = np.arange(2000, 2016)
    after = [float(each.error(logit[rows], labels[rows], rows)) for each in (through, resumed)]
    assert after[0] == after[1] != 0
    assert torch.equal(through.covariance, resumed.covariance)
