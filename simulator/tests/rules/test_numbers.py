"""Test the choice of a virtual number: rows N1 to N8 of the decision table."""

from __future__ import annotations

from collections import defaultdict

from plivo_simulator.account import AUTH_ID, SUBACCOUNT_ID, RentedNumber
from plivo_simulator.rules.numbers import Wanted, choose_number

from .made_up_sessions import ALICE, BOB, CAROL

US_1, US_2, US_3 = (RentedNumber(f"1202555018{n}", "US") for n in range(3))
GB_1 = RentedNumber("442079460100", "GB")
SUB_1 = RentedNumber("12025550170", "US", SUBACCOUNT_ID)
DEAF = RentedNumber("12025550199", "US", voice=False)
INVENTORY = (DEAF, US_1, US_2, US_3, GB_1, SUB_1)


class Held:
    """The numbers that parties hold."""

    def __init__(self, *pairs: tuple[str, str]) -> None:
        self.parties: dict[str, set[str]] = defaultdict(set)
        self.open_doors: set[str] = set()
        for number, party in pairs:
            self.parties[number].add(party)

    def choose(
        self,
        *parties: str,
        account: str = AUTH_ID,
        country: str | None = "US",
        open_door: bool = False,
    ) -> str | None:
        """Choose for a session of *parties*."""
        return choose_number(
            INVENTORY,
            Wanted(account, country, parties, open_door),
            holds=lambda number, party: party in self.parties[number],
            has_open_door=lambda number: number in self.open_doors,
        )


def test_n1_the_first_voice_number_in_order_is_taken_and_taken_again() -> None:
    held = Held((US_1.digits, CAROL))

    assert held.choose(ALICE, BOB) == US_1.digits
    assert held.choose(ALICE, BOB) == US_1.digits


def test_n2_no_party_has_two_sessions_on_one_number() -> None:
    held = Held((US_1.digits, ALICE), (US_2.digits, BOB))

    assert held.choose(ALICE, BOB) == US_3.digits


def test_n2_n_sessions_of_the_busiest_party_need_two_n_minus_one_numbers() -> None:
    # Alice and Bob have two other sessions each, on different numbers: N is 3.
    five = tuple(RentedNumber(f"1202555018{n}", "US") for n in range(5))
    bound = {(five[0].digits, ALICE), (five[1].digits, ALICE)}
    bound |= {(five[2].digits, BOB), (five[3].digits, BOB)}

    chosen = choose_number(
        five,
        Wanted(AUTH_ID, "US", (ALICE, BOB)),
        holds=lambda number, party: (number, party) in bound,
        has_open_door=lambda _: False,
    )

    assert chosen == five[2 * 3 - 2].digits


def test_n3_geomatch_asks_for_a_country_and_without_it_any_will_do() -> None:
    busy_in_us = Held(*((n.digits, ALICE) for n in (US_1, US_2, US_3)))

    assert Held().choose(ALICE, country="GB") == GB_1.digits
    assert busy_in_us.choose(ALICE, country="US") is None
    assert busy_in_us.choose(ALICE, country=None) == GB_1.digits


def test_n5_a_sub_account_has_its_own_numbers_and_the_main_one_never_those() -> None:
    assert Held().choose(ALICE, account=SUBACCOUNT_ID) == SUB_1.digits
    busy = Held(*((n.digits, ALICE) for n in (US_1, US_2, US_3)))
    assert busy.choose(ALICE) is None


def test_n7_two_open_doors_never_share_a_number() -> None:
    held = Held()
    held.open_doors.add(US_1.digits)

    assert held.choose(ALICE, open_door=True) == US_2.digits
    assert held.choose(ALICE, open_door=False) == US_1.digits


def test_n8_when_nothing_serves_there_is_no_number() -> None:
    assert Held().choose(ALICE, country="FR") is None
