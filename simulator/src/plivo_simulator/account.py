"""Name the account, the sub-account and the numbers that the simulator rents.

Everything here is made up. The numbers come from ranges that regulators keep free
for fiction (+1 202 555 01xx, Ofcom's +44 20 7946 0xxx) or, for India, where no such
range exists, from subscriber numbers that begin with a zero and can't be assigned.
"""

from __future__ import annotations

from dataclasses import dataclass

AUTH_ID = "MALOCALDEVELOPMENT00"
AUTH_TOKEN = "not-a-secret-local-development-token-000"  # noqa: S105 - made up
SUBACCOUNT_ID = "SALOCALDEVELOPMENT00"
SUBACCOUNT_TOKEN = "not-a-secret-local-sub-account-token-000"  # noqa: S105 - made up

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
    main = [RentedNumber(f"12025550{n}", "US") for n in range(180, 200)]
    main += [RentedNumber(f"442079460{n}", "GB") for n in range(100, 106)]
    main += [RentedNumber(f"912200550{n}", "IN") for n in range(101, 107)]
    sub = [RentedNumber(f"12025550{n}", "US", SUBACCOUNT_ID) for n in range(170, 174)]
    sub += [RentedNumber(f"442079460{n}", "GB", SUBACCOUNT_ID) for n in range(110, 112)]
    return (*main, *sub)
