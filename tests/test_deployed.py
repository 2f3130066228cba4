import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from pneumoscope.model.deployed import Deployed, Together, rim, to_onnx
from pneumoscope.model.head import ZonesHead
from pneumoscope.model.networks import build_network
from pneumoscope.model.options import NetworkOptions


def test_any_number_of_films_goes_through_the_network() -> None:
    network = build_network(NetworkOptions(size=32, channels=3, width=0.25), seed=0)
    deployed = Deployed(network, channels=3).eval()
    session = onnxruntime.InferenceSession(to_onnx(deployed, size=32))
    films = np.random.default_rng(0).integers(0, 256, (5, 32, 32), dtype=np.uint8)
    (expected,) = (output.detach().numpy() for output in deployed(torch.from_numpy(films)))
    for n in (1, 2, 5):
        (logit,) = session.run(["logit"], {"pixels": films[:n]})
        np.testing.assert_allclose(logit, expected[:n], atol=1e-4)


def test_a_mirrored_film_reads_the_same_where_both_are_read() -> None:
    options = NetworkOptions(size=48, width=0.25, head="cam", subtype=True)
    network = build_network(options, seed=0)
    plain, both = (Deployed(network, channels=1, mirror=m).eval() for m in (False, True))
    films = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (3, 48, 48), dtype=np.uint8))
    with torch.inference_mode():
        one, other, mean = plain(films), plain(films.flip(2)), both(films)
        again = both(films.flip(2))
    for name, a, b, found, mirrored in zip(both.outputs, one, other, mean, again, strict=True):
        b, mirrored = (x.flip(2) if name == "map" else x for x in (b, mirrored))
        torch.testing.assert_close(found, (a + b) / 2)
        torch.testing.assert_close(found, mirrored)
    session = onnxruntime.InferenceSession(to_onnx(both, size=48))
    for n in (1, 3):
        given = session.run(None, {"pixels": films[:n].numpy()})
        for values, expected in zip(given, mean, strict=True):
            np.testing.assert_allclose(values, expected[:n], atol=1e-5)


def test_what_the_rim_shows_is_moved_from_the_map_to_the_bias() -> None:
    options = NetworkOptions(size=64, width=0.25, head="cam")
    deployed = Deployed(build_network(options, seed=0), channels=1).eval()
    films = np.random.default_rng(0).integers(0, 256, (5, 64, 64), dtype=np.uint8)
    with torch.inference_mode():
        logit, before = deployed(torch.from_numpy(films))
    inner = before[:, 1:3, 1:3].sum()
    expected = float((before.sum() - inner) / (5 * 12))
    assert rim(deployed, films) == pytest.approx(expected, abs=1e-6)
    deployed.zero = expected
    assert rim(deployed, films) == pytest.approx(0, abs=1e-6)
    with torch.inference_mode():
        after_logit, after = deployed(torch.from_numpy(films))
    torch.testing.assert_close(after_logit, logit)
    torch.testing.assert_close(after.mean((1, 2)) + deployed.bias, logit, atol=1e-5, rtol=1e-5)
    session = onnxruntime.InferenceSession(to_onnx(deployed, size=64))
    facts = session.get_modelmeta().custom_metadata_map
    assert float(facts["map_bias"]) == pytest.approx(deployed.bias)
    assert float(facts["map_stride"]) == 16


def test_networks_read_together_give_their_means_and_an_exact_map() -> None:
    options = NetworkOptions(size=48, width=0.25, head="cam", subtype=True)
    one, other = (
        Deployed(build_network(options, seed=seed), channels=1, mirror=seed == 1).eval()
        for seed in (0, 1)
    )
    together = Together([one, other]).eval()
    pixels = np.random.default_rng(0).integers(0, 256, (3, 48, 48), dtype=np.uint8)
    with torch.inference_mode():
        both = [network(torch.from_numpy(pixels)) for network in (one, other)]
        together.zero = 0.25
        given = together(torch.from_numpy(pixels))
    assert together.outputs == ("logit", "subtype", "map")
    for name, a, b, mean in zip(together.outputs, *both, given, strict=True):
        torch.testing.assert_close(mean + (0.25 if name == "map" else 0), (a + b) / 2)
    torch.testing.assert_close(given[2].mean((1, 2)) + together.bias, given[0])
    session = onnxruntime.InferenceSession(to_onnx(together, size=48))
    for values, expected in zip(session.run(None, {"pixels": pixels}), given, strict=True):
        np.testing.assert_allclose(values, expected, atol=1e-5)
    bias = session.get_modelmeta().custom_metadata_map["map_bias"]
    assert float(bias) == pytest.approx(together.bias)


def test_networks_of_other_outputs_are_not_read_together() -> None:
    plain, cam = (
        Deployed(build_network(NetworkOptions(size=48, width=0.25, head=h), seed=0), channels=1)
        for h in ("pool", "cam")
    )
    with pytest.raises(ValueError, match="other outputs or maps"):
        Together([plain, cam])


def test_what_networks_share_is_computed_once() -> None:
    """Frozen stages are the same in every network: they stand in the file once, and run once."""
    options = NetworkOptions(backbone="lite0", head="cam", size=32, depth=3, freeze=3)
    one, other = (
        Deployed(build_network(options, seed=seed), channels=1, mirror=True).eval()
        for seed in (0, 1)
    )
    with torch.no_grad():
        for learned in other.network.features.parameters():
            learned.add_(0.01)
    together = Together([one, other]).eval()
    given = [onnx.load_from_string(to_onnx(made, size=32)) for made in (one, together)]
    alone, both = ([node.op_type for node in model.graph.node].count("Conv") for model in given)
    last = 7  # convolutions that learn: two blocks of three, and the map's
    assert both == alone + last  # a film and its mirror image pass in one batch
    pixels = np.random.default_rng(0).integers(0, 256, (2, 32, 32), dtype=np.uint8)
    session = onnxruntime.InferenceSession(given[1].SerializeToString())
    with torch.inference_mode():
        expected = together(torch.from_numpy(pixels))
    for ours, theirs in zip(session.run(None, {"pixels": pixels}), expected, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-4)


@pytest.mark.parametrize("mirror", [False, True])
def test_zones_of_stages_of_two_grids_are_exported_as_they_are(mirror: bool) -> None:
    options = NetworkOptions(backbone="lite0", head="zones", size=48, depth=4, subtype=True)
    network = build_network(options, seed=0)
    assert isinstance(network.head, ZonesHead)
    width = network.head.zones.in_features
    random = torch.Generator().manual_seed(0)
    for output in (0, 1):
        network.put(torch.randn(width, generator=random) / width**0.5, 0.2, output=output)
    deployed = Deployed(network, channels=1, mirror=mirror).eval()
    pixels = np.random.default_rng(0).integers(0, 256, (3, 48, 48), dtype=np.uint8)
    with torch.inference_mode():
        expected = deployed(torch.from_numpy(pixels))
    session = onnxruntime.InferenceSession(to_onnx(deployed, size=48))
    for n in (1, 3):
        for ours, theirs in zip(session.run(None, {"pixels": pixels[:n]}), expected, strict=True):
            assert ours.shape == theirs[:n].shape
            np.testing.assert_allclose(ours, theirs[:n], atol=1e-4)
    assert expected[2].shape == (3, 6, 6)  # of the earlier stage's places
    assert expected[0].std() > 0.01


def test_a_smoothing_network_is_read_beside_one_that_does_not_smooth() -> None:
    smooth = NetworkOptions(
        backbone="lite2", head="zones", size=32, depth=3, freeze=4, lowpass=2.0, subtype=True
    )
    plain = NetworkOptions(backbone="lite0", head="lungs", size=32, depth=3, subtype=True)
    together = Together(
        [Deployed(build_network(options, seed=0), channels=1) for options in (smooth, plain)]
    ).eval()
    pixels = np.random.default_rng(0).integers(0, 256, (2, 32, 32), dtype=np.uint8)
    session = onnxruntime.InferenceSession(to_onnx(together, size=32))
    with torch.inference_mode():
        expected = together(torch.from_numpy(pixels))
    for ours, theirs in zip(session.run(None, {"pixels": pixels}), expected, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-4)
    # The coarser map is laid on the finer one, and is as exact there.
    assert together.stride == 4
    logit, _, maps = expected
    assert maps.shape == (2, 8, 8)
    torch.testing.assert_close(maps.mean((1, 2)) + together.bias, logit, atol=1e-4, rtol=1e-4)


def test_maps_whose_places_do_not_fit_are_not_read_together() -> None:
    fine, coarse = (
        NetworkOptions(backbone="lite0", head=head, size=36, depth=3) for head in ("zones", "lungs")
    )
    members = [
        Deployed(build_network(options, seed=0), channels=1).eval() for options in (fine, coarse)
    ]
    with pytest.raises(ValueError, match="other outputs or maps"):
        Together(members)
