from pneumoscope.evaluation.lines import aligned


def test_words_stand_left_and_figures_right() -> None:
    assert list(aligned([("a", "b"), ("word", "1"), ("x", "1000")])) == [
        "a        b",
        "word     1",
        "x     1000",
    ]


def test_what_spans_the_columns_needs_no_room() -> None:
    rows = [("a", "1", "2"), ("b", "a long reason without figures", "")]
    assert next(iter(aligned(rows))) == "a  1  2"
