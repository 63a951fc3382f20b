"""Phone numbers that belong to nobody, as many as a test asks for."""

from __future__ import annotations

# 555-0100 to 555-0199 are kept for fiction in each area of North America. The first
# areas are left out: the simulator's virtual numbers and tests' own are in 202.
PER_AREA = 100
FIRST_AREA, LAST_AREA = 300, 999


def number_of(person: int) -> str:
    """Return the number of a person from 0 to 69,999."""
    area = FIRST_AREA + person // PER_AREA
    assert area <= LAST_AREA
    return f"+1{area}55501{person % PER_AREA:02d}"


def pair_of(place: int) -> dict[str, str]:
    """Return the parties of the session at *place*, whom no other session has."""
    return {
        "first_party": number_of(2 * place),
        "second_party": number_of(2 * place + 1),
    }
