"""Where a training runs: device, precision and memory, chosen here and written into the run."""

from __future__ import annotations

import ctypes
import logging
import platform
import sys
import warnings
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

import torch
from lightning_fabric import Fabric

from pneumoscope.errors import UsageError
from pneumoscope.machine import cores


def open_fabric(
    *, accelerator: str, devices: int, num_nodes: int, precision: str, threads: int | None
) -> Fabric:
    """A launched Fabric. ``accelerator`` is auto, cpu, cuda or mps; ``precision`` as in a recipe.

    Under ``torchrun`` the environment says which process this is; otherwise ``devices`` > 1
    starts the further processes.
    """
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
    available = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": _has_mps()}
    if accelerator == "auto":
        accelerator = next(name for name in ("cuda", "mps", "cpu") if available[name])
    if not available.get(accelerator):
        there = ", ".join(name for name, present in available.items() if present)
        raise UsageError(f"There is no accelerator {accelerator!r} here; there is {there}.")
    if accelerator == "cpu":
        torch.set_num_threads(threads or max(1, cores() // devices))
        _keep_freed_memory()
    with warnings.catch_warnings():
        # torchrun sets more than Fabric was asked for; what it says is already in the run folder.
        warnings.filterwarnings("ignore", module="lightning_fabric")
        fabric = Fabric(
            accelerator=accelerator,
            devices=devices,
            num_nodes=num_nodes,
            precision="bf16-mixed" if _bf16(accelerator, precision) else "32-true",
        )
        fabric.launch()
    return fabric


def describe_device(fabric: Fabric) -> dict[str, Any]:
    """Device, precision, time and versions, as a run writes them; nothing names person or host."""
    packages = ("pneumoscope", "torch", "numpy", "pillow", "simplejpeg")
    return {
        "device": fabric.device.type,
        "processes": fabric.world_size,
        "precision": fabric.strategy.precision.precision,
        "machine": {
            "time": datetime.now(UTC).isoformat(timespec="seconds"),
            "python": platform.python_version(),
            "system": f"{platform.system()} {platform.machine()}",
            "processor": torch.cpu.get_capabilities().get("cpu_name") or platform.processor(),
            "threads": torch.get_num_threads(),
            "versions": {name: version(name) for name in packages},
        },
    }


def _bf16(accelerator: str, precision: str) -> bool:
    """Whether to autocast to bf16: on request, or where the hardware multiplies it natively."""
    if precision != "auto":
        return precision == "bf16"
    if accelerator == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    # Where only AVX-512 multiplies bf16, the conversions around it cost more than it saves; tiles
    # (AMX) are twice as fast as fp32.
    return accelerator == "cpu" and bool(torch.cpu.get_capabilities().get("amx_bf16", False))


def _has_mps() -> bool:
    return bool(torch.backends.mps.is_available())


def _keep_freed_memory() -> None:
    """Let glibc keep what is freed instead of returning it to the kernel after every operation.

    The activations of one step are far above malloc's mapping threshold, so each step would map
    and zero them again, thousands of page faults a step. Other C libraries are left alone.
    """
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return
    trim_threshold, top_pad, mmap_max, arena_max = -1, -2, -4, -8  # <malloc.h>
    mallopt(mmap_max, 0)
    mallopt(arena_max, 1)
    mallopt(trim_threshold, 2**31 - 1)
    mallopt(top_pad, 64 * 2**20)
