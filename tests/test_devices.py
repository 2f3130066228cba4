import os

import pytest
import torch

from pneumoscope.errors import UsageError
from pneumoscope.model.devices import describe_device, open_fabric


def test_precision_is_chosen_by_the_processor_or_by_the_recipe() -> None:
    def precision(asked: str) -> str:
        fabric = open_fabric(accelerator="cpu", devices=1, num_nodes=1, precision=asked, threads=2)
        return str(describe_device(fabric)["precision"])

    native = torch.cpu.get_capabilities().get("amx_bf16", False)
    assert precision("auto") == ("bf16-mixed" if native else "32-true")
    assert precision("fp32") == "32-true"
    assert precision("bf16") == "bf16-mixed"


def test_the_description_names_no_person_and_no_host() -> None:
    fabric = open_fabric(accelerator="cpu", devices=1, num_nodes=1, precision="fp32", threads=1)
    facts = describe_device(fabric)
    assert (facts["device"], facts["processes"], facts["machine"]["threads"]) == ("cpu", 1, 1)
    text = str(facts)
    assert os.uname().nodename not in text
    assert str(os.environ.get("HOME", "/root")) not in text


def test_an_absent_accelerator_is_answered_with_those_that_are_there() -> None:
    with pytest.raises(UsageError, match="no accelerator 'tpu' here; there is cpu"):
        open_fabric(accelerator="tpu", devices=1, num_nodes=1, precision="auto", threads=None)
