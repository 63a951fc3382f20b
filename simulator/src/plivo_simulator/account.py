"""Name the account, the sub-account and the numbers that the simulator rents.

Everything here is made up. The numbers come from ranges that regulators keep free
for fiction (+1 202 555 01xx, Ofcom's +44 20 7946 0xxx) or, for India, where no such
range exists, from subscriber numbers that begin with a zero and can't be assigned.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

AUTH_ID = "MALOCALDEVELOPMENT00"
AUTH_TOKEN = "not-a-secret-local-development-token-000"  # noqa: S105 - made up
SUBACCOUNT_ID = "SALOCALDEVELOPMENT00"
SUBACCOUNT_TOKEN = "not-a-secret-local-sub-account-token-000"  # noqa: S105 - made up

# The 10DLC campaign that the US local numbers are registered with.
CAMPAIGN_ID = "CSIMLAB"
RENTED_ON = date(2026, 1, 5)
_TOLL_FREE = ("800", "833", "844", "855", "866", "877", "888")

TOKENS = {AUTH_ID: AUTH_TOKEN, SUBACCOUNT_ID: SUBACCOUNT_TOKEN}

CALLING_CODES = {
    "AU": "61",
    "BR": "55",
    "DE": "49",
    "ES": "34",
    "FR": "33",
    "GB": "44",
    "IE": "353",
    "IN": "91",
    "IT": "39",
    "JP": "81",
    "MX": "52",
    "NL": "31",
    "SG": "65",
    "US": "1",
    "ZA": "27",
}


@dataclass(frozen=True, slots=True)
class RentedNumber:
    """A virtual number: digits without `+`, its country and the account it is in."""

    digits: str
    country: str
    account: str = AUTH_ID
    voice: bool = True
    sms: bool = False
    mms: bool = False

    @property
    def number_type(self) -> str:
        """Return Plivo's word for the kind of number: `tollfree` or `local`."""
        plan = self.digits.startswith("1") and self.digits[1:4] in _TOLL_FREE
        return "tollfree" if plan else "local"

    @property
    def is_north_american(self) -> bool:
        """Return whether it is of the US or Canada, whose messages have own rules."""
        return self.country in ("US", "CA")


def country_of(digits: str) -> str | None:
    """Return the ISO code of the country of *digits*, if known."""
    matches = [
        (len(code), country)
        for country, code in CALLING_CODES.items()
        if digits.startswith(code)
    ]
    return max(matches)[1] if matches else None


def rented_numbers() -> tuple[RentedNumber, ...]:
    """Return the inventory in the fixed order in which numbers are handed out."""
    main = [new_number(f"12025550{n}", "US") for n in range(180, 200)]
    main += [new_number(f"442079460{n}", "GB") for n in range(100, 106)]
    main += [new_number(f"912200550{n}", "IN") for n in range(101, 107)]
    sub = [new_number(f"12025550{n}", "US", SUBACCOUNT_ID) for n in range(170, 174)]
    sub += [new_number(f"442079460{n}", "GB", SUBACCOUNT_ID) for n in range(110, 112)]
    return (*main, *sub)


def new_number(digits: str, country: str, account: str = AUTH_ID) -> RentedNumber:
    """Return a number with the capabilities that numbers of its country have.

    Messages go through numbers of all countries but India, pictures through those of
    the US and Canada.
    """
    pictures = country in ("US", "CA")
    return RentedNumber(
        digits, country, account, sms=country not in ("IN",), mms=pictures
    )
