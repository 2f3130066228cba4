import pytest

from pneumoscope.model.options import NetworkOptions


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"backbone": "resnet"}, "backbone is 'resnet'"),
        ({"backbone": "timm:"}, "backbone is 'timm:'"),
        ({"backbone": "timm:x", "head": "cam", "depth": 4}, "7 but for lite0"),
        ({"backbone": "lite0"}, "head is 'flatten', but of lite0 cam or lungs or zones"),
        ({"head": "lungs"}, "of notebook flatten or pool or cam"),
        ({"backbone": "lite0", "head": "cam", "channels": 3}, "one channel"),
        ({"freeze": 1}, "freeze is 1"),
        ({"backbone": "lite0", "head": "cam", "freeze": 9}, "freeze is 9"),
        ({"depth": 5}, "depth is 5"),
        ({"backbone": "lite0", "head": "cam", "depth": 5, "freeze": 7}, "freeze is 7"),
        ({"lowpass": 1.0}, "lowpass is 1.0"),
        ({"backbone": "lite2", "head": "cam", "lowpass": 9.0}, "lowpass is 9.0"),
        ({"size": 31}, "size is 31"),
        ({"kernel": 2}, "kernel is 2"),
    ],
)
def test_what_cannot_be_built_is_named(changes: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        NetworkOptions(**changes)  # type: ignore[arg-type]


def test_only_the_cam_head_makes_its_logit_of_a_map() -> None:
    assert NetworkOptions(head="cam").has_map
    assert all(NetworkOptions(head=h, backbone="lite0").has_map for h in ("lungs", "zones"))
    assert not NetworkOptions(head="pool").has_map
