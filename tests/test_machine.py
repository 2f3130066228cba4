import os
import subprocess
import sys

import pytest

from pneumoscope.machine import cores

TELL = "import os; from pneumoscope.machine import cores; {}print(cores())"


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no affinity on this system")
def test_only_the_cores_that_may_be_used_are_counted() -> None:
    assert cores() == len(os.sched_getaffinity(0))
    one = min(os.sched_getaffinity(0))
    code = TELL.format(f"os.sched_setaffinity(0, {{{one}}}); ")
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert found.stdout.strip() == "1"


def test_there_is_a_core_where_affinity_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert cores() == 1
