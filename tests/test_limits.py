from typing import Any

import pytest

from pneumoscope.film import MAX_PIXELS
from pneumoscope.serve.limits import Limits


def test_the_limits_fit_into_one_another() -> None:
    limits = Limits()
    assert limits.film_bytes <= limits.request_bytes <= limits.hand_bytes
    assert limits.pixels == MAX_PIXELS


@pytest.mark.parametrize(
    "wrong",
    [{"film_bytes": 0}, {"film_bytes": 2**40}, {"hand_bytes": 1}, {"films": 300}, {"films": 0}],
)
def test_limits_that_do_not_fit_are_named(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"film|request"):
        Limits(**wrong)
