"""A network as a reader calls it, in torch and as ONNX."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator, Sequence

import numpy as np
import onnx_ir
import torch
from onnx_ir import passes
from onnx_ir.passes import common
from torch import Tensor, nn

from pneumoscope.film import Pixels
from pneumoscope.model.networks import Network


class Deployed(nn.Module):
    """The network as a reader calls it: (films, size, size) uint8 -> (films,) logits.

    A network that was trained to gives the leaning to a virus (films,) beside them, and one whose
    head permits it a map (films, h, w), whose mean plus the bias of the head is the logit;
    ``outputs`` are their names. With ``mirror`` each is the mean of a film's and its mirror
    image's: an outline does not tell left from right, and two looks are steadier than one.
    ``zero`` is what counts as no evidence in the map (see :func:`rim`), in logits.
    """

    def __init__(
        self, network: Network, *, channels: int, mirror: bool = False, zero: float = 0.0
    ) -> None:
        super().__init__()
        self.network = network
        self.channels = channels
        self.mirror = mirror
        self.zero = zero
        subtype, has_map = network.options.subtype, network.options.has_map
        self.outputs = ("logit", *["subtype"] * subtype, *["map"] * has_map)

    def forward(self, pixels: Tensor) -> tuple[Tensor, ...]:
        return self.of(pixels.float().mul(1 / 255).unsqueeze(1))

    def of(self, films: Tensor) -> tuple[Tensor, ...]:
        """The outputs for films (n, 1, size, size) in [0, 1]."""
        films = films.expand(-1, self.channels, -1, -1)
        if not self.mirror:
            return self._once(films)
        # Both in one batch, which keeps two cores busier than one after the other.
        both = self._once(torch.cat([films, films.flip(3)]))
        halves = [values.reshape(2, -1, *values.shape[1:]).unbind() for values in both]
        return tuple(
            (own + (turned.flip(2) if name == "map" else turned)) / 2
            for name, (own, turned) in zip(self.outputs, halves, strict=True)
        )

    def _once(self, films: Tensor) -> tuple[Tensor, ...]:
        found = self.network.evidence(films) if "map" in self.outputs else (self.network(films),)
        scores, *maps = found
        columns = scores.unbind(1) if "subtype" in self.outputs else (scores,)
        return (*columns, *(each - self.zero for each in maps))

    @property
    def bias(self) -> float:
        """The logit less the mean of the map."""
        return float(self.network.logit.bias.item()) + self.zero

    @property
    def stride(self) -> float:
        """Pixels of the film from one value of the map to the next."""
        return float(self.network.stride)


class Together(nn.Module):
    """Several networks as one: each output is the mean of theirs, and so is the bias of the map.

    All give the same outputs, and maps of one stride or of one that fits the finest of them, on
    which they are laid; anything else raises ``ValueError``. ``zero`` is as in :class:`Deployed`.
    """

    def __init__(self, members: Sequence[Deployed]) -> None:
        super().__init__()
        outputs, stride = members[0].outputs, min(each.stride for each in members)
        # A coarser map fits where its places are whole ones of the finer, out to the film's rim.
        fits = all(
            each.stride == stride
            or (each.stride % stride == 0 and each.network.options.size % each.stride == 0)
            for each in members
        )
        if not fits or any(each.outputs != outputs for each in members):
            raise ValueError("networks of other outputs or maps cannot be read together")
        self.members = nn.ModuleList(members)
        self.outputs, self.stride, self.zero = outputs, stride, 0.0

    def forward(self, pixels: Tensor) -> tuple[Tensor, ...]:
        return self.of(pixels.float().mul(1 / 255).unsqueeze(1))

    def of(self, films: Tensor) -> tuple[Tensor, ...]:
        """The outputs for films (n, 1, size, size) in [0, 1]."""
        given = zip(*(self._laid(member, films) for member in self._each()), strict=True)
        means = [torch.stack(values).mean(0) for values in given]
        return tuple(
            mean - self.zero if name == "map" else mean
            for name, mean in zip(self.outputs, means, strict=True)
        )

    @property
    def bias(self) -> float:
        """The logit less the mean of the map."""
        biases = [member.bias for member in self._each()]
        return sum(biases) / len(biases) + self.zero

    def _laid(self, member: Deployed, films: Tensor) -> list[Tensor]:
        """The outputs of one network, its map on the finest grid."""
        times = int(member.stride // self.stride)
        return [
            values.repeat_interleave(times, dim=1).repeat_interleave(times, dim=2)
            if name == "map" and times > 1
            else values
            for name, values in zip(self.outputs, member.of(films), strict=True)
        ]

    def _each(self) -> Iterator[Deployed]:
        for member in self.members:
            assert isinstance(member, Deployed)
            yield member


@torch.inference_mode()
def rim(deployed: Deployed | Together, pixels: Pixels) -> float:
    """What the map of ``deployed`` shows along the rim of films (n, size, size), in the mean.

    A map and its bias make the logit whatever constant is moved from one to the other, so zero is
    a choice. No lung touches all of a film's rim: what is usual there, on films with pneumonia, is
    taken for no evidence.
    """
    values = []
    for start in range(0, len(pixels), 64):
        outputs = deployed(torch.from_numpy(np.ascontiguousarray(pixels[start : start + 64])))
        maps = outputs[deployed.outputs.index("map")]
        edge = torch.ones(maps.shape[1:], dtype=torch.bool)
        edge[1:-1, 1:-1] = False
        values.append(maps[:, edge].flatten())
    return float(torch.cat(values).mean()) if values else 0.0


def to_onnx(deployed: Deployed | Together, *, size: int) -> bytes:
    """``deployed`` as one ONNX file with any number of films, (films, size, size) uint8.

    Where it gives a map, the file's metadata hold ``map_bias``, the logit less the map's mean, and
    ``map_stride``, the pixels of the input from one value of the map to the next.
    """
    example = torch.zeros(2, size, size, dtype=torch.uint8)
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")  # the exporter's own use of what Python deprecates
        program = torch.onnx.export(
            deployed,
            (example,),
            input_names=["pixels"],
            output_names=list(deployed.outputs),
            dynamic_shapes={"pixels": {0: torch.export.Dim("films")}},
            dynamo=True,
            verbose=False,
        )
    assert program is not None
    # What the exporter folded may be a view, of which sharing what is equal makes no hash.
    for given in program.model.graph.initializers.values():
        assert given.const_value is not None
        given.const_value = onnx_ir.tensor(np.array(given.const_value.numpy(), order="C"))
    # Networks that share frozen stages, and a film that is read twice, share what they compute.
    shared = passes.Sequential(
        common.DeduplicateHashedInitializersPass(),
        common.CommonSubexpressionEliminationPass(),
        common.RemoveUnusedNodesPass(),
    )
    shared(program.model)
    # Where in our sources each node came from is of no use to a reader, and names this machine.
    model = program.model_proto
    del model.metadata_props[:]
    for node in model.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    if "map" in deployed.outputs:
        for name, value in (("map_bias", deployed.bias), ("map_stride", deployed.stride)):
            model.metadata_props.add(key=name, value=repr(value))
    network: bytes = model.SerializeToString()
    return network
