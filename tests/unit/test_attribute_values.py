"""Attribute values are what boto3's types make of the same values."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from hypothesis import given
from hypothesis import strategies as st

from masking.storage import attribute_values

SCALARS = (
    st.none()
    | st.booleans()
    | st.text(max_size=20)
    | st.integers(-(10**37), 10**37)
    | st.decimals(
        min_value=-(10**6),
        max_value=10**6,
        allow_nan=False,
        allow_infinity=False,
        places=6,
    )
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(VALUES)
def test_a_value_is_written_as_boto3_writes_it_and_read_again(value: Any) -> None:
    written = attribute_values.written(value)

    assert written == TypeSerializer().serialize(value)
    assert attribute_values.read(written) == value
    assert attribute_values.read(written) == TypeDeserializer().deserialize(written)


@pytest.mark.parametrize("number", ["7", "-3", "1E2", "12.0"])
def test_a_whole_number_is_an_int(number: str) -> None:
    assert isinstance(attribute_values.read({"N": number}), int)


def test_a_set_of_texts_is_a_set() -> None:
    assert attribute_values.read(attribute_values.written({"a"})) == {"a"}


@pytest.mark.parametrize("value", [1.5, object(), {1}, Decimal("NaN")])
def test_what_dynamodb_has_no_form_for_is_refused(value: object) -> None:
    with pytest.raises(TypeError):
        attribute_values.written(value)


def test_what_no_item_of_ours_has_is_refused() -> None:
    with pytest.raises(TypeError, match="no item of ours has the type B"):
        attribute_values.read({"B": b"x"})
