"""The runtime that a bundle's network runs in, and what the network says of itself."""

from __future__ import annotations

from typing import Any

from pneumoscope.errors import PneumoscopeError
from pneumoscope.inference.bundle import Bundle


def open_session(bundle: Bundle) -> Any:
    """An ONNX Runtime session in which one film is the work of one thread.

    A film on each core is faster than each film on all cores, and it keeps a film's pixels in one
    core's cache from decoding to logit.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(
            bundle.network, options, providers=["CPUExecutionProvider"]
        )
        (taken,) = session.get_inputs()
        given = output_names(session)
    except Exception as error:  # the runtime raises its own types, without a common one
        raise PneumoscopeError(
            f"The network in {bundle.path or 'the bundle'} does not run here; export it again "
            "with this version."
        ) from error
    size = bundle.preprocessing.size
    fits = (
        taken.name == "pixels" and taken.type == "tensor(uint8)" and taken.shape[1:] == [size] * 2
    )
    if not fits or "logit" not in given:
        raise PneumoscopeError(
            f"The network in {bundle.path or 'the bundle'} does not take films of {size} pixels "
            "and give a logit; export it again."
        )
    return session


def output_names(session: Any) -> frozenset[str]:
    """What the network gives: ``logit``, and perhaps ``subtype`` and ``map``."""
    return frozenset(output.name for output in session.get_outputs())


def map_facts(session: Any) -> tuple[float, float] | None:
    """Bias and stride of the network's maps; None where it gives none."""
    facts = session.get_modelmeta().custom_metadata_map
    try:
        return float(facts["map_bias"]), float(facts["map_stride"])
    except KeyError:
        return None
