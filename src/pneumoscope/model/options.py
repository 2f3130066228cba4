"""What may vary in a network."""

from __future__ import annotations

from dataclasses import dataclass

LITE = ("lite0", "lite2")
BACKBONES = ("notebook", *LITE)
FOREIGN = ("timm", "xrv")
LOOKING = ("cam", "lungs", "zones")  # heads whose logit is the mean of a map


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkOptions:
    """What may vary in a network.

    ``backbone`` is the notebook's network, or ``lite0`` or ``lite2``: EfficientNet-Lite0 and -Lite2
    with ImageNet's weights, or a model of timm or torchxrayvision (``timm:NAME``, ``xrv:NAME``) if
    that is installed. Of ``lite0`` and ``lite2`` the first ``depth`` of 7 stages are built, and of
    these and the stem before them ``freeze`` stay as they are; ``lowpass`` is the standard
    deviation, in pixels, of the Gaussian that smooths each film before their first layer.
    ``subtype`` adds a second output: the leaning to viral against bacterial pneumonia. ``size`` is
    the side of the square input in pixels; ``width`` multiplies every filter and unit count;
    ``dropout`` multiplies every dropout rate (capped at 0.95); ``head`` is ``"flatten"`` (the
    notebook's, which grows with the image), ``"pool"`` (global average pooling, which does not) or
    ``"cam"``: global average pooling and one affine layer, so that the logit is the mean of a map
    over the film. The other backbones have this one; ``"lungs"``: the mean is taken over the lungs,
    which the network learns to find, and the map is nothing elsewhere; and ``"zones"``, which
    learns as ``"lungs"`` and whose last layer is then fitted on the features' spread over the lungs
    and their means in six zones, of the last stages, down to a
    grid twice as fine as the last one's.
    """

    backbone: str = "notebook"
    depth: int = 7
    freeze: int = 0
    subtype: bool = False
    size: int = 180
    channels: int = 1
    width: float = 1.0
    kernel: int = 3
    dropout: float = 1.0
    normalise: bool = True
    head: str = "flatten"
    lowpass: float = 0.0

    def __post_init__(self) -> None:
        foreign = self.backbone.partition(":")[0] in FOREIGN and self.backbone[-1] != ":"
        if self.backbone not in BACKBONES and not foreign:
            raise ValueError(
                f"backbone is {self.backbone!r}, but must be {', '.join(BACKBONES)}, timm:NAME or "
                "xrv:NAME"
            )
        heads = ("flatten", "pool", "cam") if self.backbone == "notebook" else LOOKING
        if self.head not in heads:
            raise ValueError(f"head is {self.head!r}, but of {self.backbone} {' or '.join(heads)}")
        if self.backbone != "notebook" and self.channels != 1:
            raise ValueError(f"{self.backbone} has one channel")
        if not 1 <= self.depth <= 7 or (self.depth < 7 and self.backbone not in LITE):
            raise ValueError(
                f"depth is {self.depth}, but is from 1 to 7, and 7 but for lite0 and lite2"
            )
        if not 0 <= self.freeze <= self.depth + 1 or (self.freeze and self.backbone not in LITE):
            raise ValueError(
                f"freeze is {self.freeze}, but is from 0 to depth + 1, and 0 but for lite0 and "
                "lite2"
            )
        if not 0 <= self.lowpass <= 8 or (self.lowpass and self.backbone not in LITE):
            raise ValueError(
                f"lowpass is {self.lowpass}, but is from 0 to 8, and 0 but for lite0 and lite2"
            )
        if self.size < 32:
            raise ValueError(f"size is {self.size}, but five poolings need at least 32 pixels")
        if self.channels not in (1, 3):
            raise ValueError(f"channels is {self.channels}, but a film has 1 (or 3 copies of it)")
        if not 0 < self.width <= 16:
            raise ValueError(f"width is {self.width}, but must be above 0 and at most 16")
        if self.kernel % 2 == 0 or not 1 <= self.kernel <= 15:
            raise ValueError(f"kernel is {self.kernel}, but must be odd, from 1 to 15")
        if not 0 <= self.dropout <= 10:
            raise ValueError(f"dropout is {self.dropout}, but must be from 0 to 10")

    @property
    def has_map(self) -> bool:
        """Whether the logit is the mean of a map over the film."""
        return self.head in LOOKING
