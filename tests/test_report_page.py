from __future__ import annotations

import pytest
from markupsafe import Markup

from pneumoscope.errors import UsageError
from pneumoscope.evaluation.report_page import as_markdown, check_language, figure, limits


def test_figures_have_three_decimals() -> None:
    assert [figure(value) for value in (0.12345, 1, None, "x")] == [
        "0.123",
        "1.000",
        "\N{EN DASH}",
        "x",
    ]


def test_an_interval_needs_both_ends() -> None:
    def say(key: str, **values: str) -> str:
        return f"{key} {values['low']} {values['high']}"

    assert limits({"low": 0.1, "high": 0.2}, say) == "to 0.100 0.200"
    assert limits({"low": 0.1, "high": None}, say) == ""
    assert limits({}, say) == ""


def test_markdown_shows_texts_as_they_are() -> None:
    assert as_markdown("a|b\n# <i>*x*</i>") == r"a\|b \# \<i\>\*x\*\</i\>"
    assert as_markdown("![x](y)") == r"\!\[x\](y)"
    assert as_markdown(3) == 3
    assert as_markdown(Markup("| a |")) == "| a |"
    assert as_markdown(None) == ""


def test_languages() -> None:
    check_language("ko")
    with pytest.raises(UsageError, match="en or ko"):
        check_language("fr")
