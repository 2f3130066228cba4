import json

import numpy as np
import pytest

from pneumoscope.data.fields import (
    Field,
    NotANumber,
    UnusableField,
    as_number,
    is_missing,
    learn_field,
)

PATIENTS = [f"p{i}" for i in range(12)]


def learn(values: list[str], *, category: bool = False, name: str = "x") -> Field:
    return learn_field(name, values, [f"p{i}" for i in range(len(values))], category=category)


def test_a_number_is_standardised_and_cut_to_the_range_that_was_learned() -> None:
    field = learn(["20", "40", "40", "60"] * 3, name="age")
    assert (field.kind, field.columns, field.low, field.high) == ("number", ("age",), 20, 60)
    assert field.encode("40") == ([0.0], None)
    assert field.encode(60)[0][0] == pytest.approx(20 / np.std([20, 40, 40, 60]))
    numbers, note = field.encode("120")
    assert numbers == field.encode("60")[0]
    assert note == "age 120 lies beyond 20 to 60: taken as 60"


def test_a_missing_value_is_the_mean_with_a_column_that_says_so() -> None:
    field = learn(["20", "40", "40", "NA"] * 3, name="age")
    assert field.columns == ("age", "age missing")
    for nothing in ("", " ", "n/a", "NaN", "unknown", None):
        assert field.encode(nothing) == ([0.0, 1.0], None)
    assert field.encode("40")[0][1] == 0.0
    complete = learn(["20", "40"] * 6)
    assert complete.encode(None) == ([0.0], None)


@pytest.mark.parametrize("text", ["4o", "36,5", "inf", "1_000", "54Y"])
def test_what_is_no_number_is_refused_by_name(text: str) -> None:
    field = learn(["20", "40"] * 6, name="age")
    with pytest.raises(NotANumber, match=r"age .* is not a number"):
        field.encode(text)


def test_a_few_texts_leave_a_number_a_number() -> None:
    values = ["20", "30"] * 9 + ["4o"]
    assert learn(values).kind == "number"
    with pytest.raises(UnusableField, match="fewer than two"):
        learn(["20"] * 3 + ["a", "b", "c"])  # names then, of which one alone has three patients


def test_categories_have_a_column_each_without_regard_to_case() -> None:
    field = learn(["AP", "PA", "pa", "PA"] * 3, name="view")
    assert field.columns == ("view=AP", "view=PA")
    assert field.encode("ap") == ([0.75, -0.75], None)
    numbers, note = field.encode("LL")
    assert numbers == [0.0, 0.0]
    assert note == "view 'LL' is none of AP, PA: taken as missing"


def test_numbers_may_be_names() -> None:
    field = learn(["1", "2", "3"] * 4, category=True, name="site")
    assert field.categories == ("1", "2", "3")
    assert field.encode(2)[0] == pytest.approx([-1 / 3, 2 / 3, -1 / 3])


def test_a_rare_name_counts_as_missing() -> None:
    field = learn(["AP", "PA"] * 6 + ["LL"])
    assert field.categories == ("AP", "PA")
    assert field.may_miss


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (["", "NA"] * 20, "empty on every film"),
        (["7", "7", ""] * 14, "it is 7 on every film that has it"),
        (["F"] * 40, "it is 'F' on every film"),
        ([str(i) for i in range(40)], "no two patients share a value"),
        ([f"MRN-{i}" for i in range(40)], "no two patients share a value"),
        ([f"word {i % 30}" for i in range(90)], "30 different values and at most 20"),
        ([f"word {i % 2000}" for i in range(4000)], "2,000 different values"),
    ],
)
def test_columns_that_cannot_be_fields_say_why(values: list[str], reason: str) -> None:
    with pytest.raises(UnusableField, match=reason):
        learn(values)


def test_a_record_number_is_one_though_a_patient_has_two_films() -> None:
    values = [str(i // 2) for i in range(80)]
    with pytest.raises(UnusableField, match="identifier"):
        learn_field("id", values, [f"p{i // 2}" for i in range(80)])


def test_a_measurement_may_differ_on_every_film() -> None:
    assert learn([f"{36 + i / 97:.3f}" for i in range(60)]).kind == "number"


def test_a_field_survives_json() -> None:
    for field in (learn(["20", "40", ""] * 4), learn(["AP", "PA"] * 6)):
        assert Field.from_json(json.loads(json.dumps(field.to_json()))) == field
    broken = learn(["20", "40"] * 6).to_json() | {"scale": 0}
    with pytest.raises(ValueError, match="no spread"):
        Field.from_json(broken)
    with pytest.raises(ValueError, match="hold together"):
        Field.from_json(broken | {"scale": 1, "centre": [0, 1]})


def test_words_for_nothing_and_numbers() -> None:
    assert is_missing(" None ")
    assert not is_missing("0")
    assert as_number(" 3.5 ") == 3.5
    assert as_number("nan") is None
