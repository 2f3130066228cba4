import numpy as np

from pneumoscope.evaluation.choose import choose_films, thumbnails


def test_the_least_certain_come_first_one_a_patient() -> None:
    logit = np.array([9.0, 0.1, -0.2, 8.0, -7.0, 0.3])
    patients = ["a", "b", "b", "c", "d", "e"]
    looks = np.zeros((6, 2))
    assert choose_films(logit, patients, looks, count=1) == [1]
    assert set(choose_films(logit, patients, looks, count=5)) == {1, 5, 4, 3, 0}


def test_of_the_unsure_those_are_taken_that_are_unlike() -> None:
    # Eight unsure films in two heaps; the ninth is far from both and sure.
    logit = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, -30.0])
    looks = np.array([[0.0]] * 4 + [[5.0]] * 4 + [[99.0]])
    chosen = choose_films(logit, [f"p{i}" for i in range(9)], looks, count=2)
    assert chosen == [0, 4]


def test_a_network_that_never_wavers_is_asked_relative_to_itself() -> None:
    logit = np.array([5.0, 6.0, 7.0, 30.0, 1.0])
    assert choose_films(logit, list("abcde"), np.zeros((5, 1)), count=1) == [1]


def test_thumbnails_do_not_see_brightness_and_contrast() -> None:
    rng = np.random.default_rng(0)
    film = rng.integers(60, 120, (36, 36)).astype(np.uint8)
    other = rng.integers(60, 120, (36, 36)).astype(np.uint8)
    bright = (film + 100).astype(np.uint8)
    looks = thumbnails(np.stack([film, bright, other]))
    assert looks.shape == (3, 144)
    assert np.allclose(looks[0], looks[1])
    assert np.linalg.norm(looks[0] - looks[2]) > 5
