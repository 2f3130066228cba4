"""What this process may use of the machine."""

from __future__ import annotations

import os


def cores() -> int:
    """The cores that this process may run on, at least 1.

    A container or ``taskset`` gives fewer than the machine has; a thread more than there are cores
    makes every parallel step of a training wait for it.
    """
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
