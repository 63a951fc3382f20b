"""What several commands take: a tenant, a setting that may be taken away, `--json`."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click
from pydantic import TypeAdapter, ValidationError

from masking.api.fields import PhoneNumber, Subaccount
from masking.tenants import authorize
from operate.failures import RefusedError

if TYPE_CHECKING:
    from masking.storage.stores import Stores

# Takes a setting away.
NOTHING = "none"

MOST = 100_000

# A century: as long as anything is worth promising, and within what times can hold.
MOST_DAYS = 36_500

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def example(command: str) -> str:
    """Return the end of a command's help, which shows how it is used."""
    return f"\b\nExample:\n  {command}"


class _Tenant(click.ParamType[str]):
    name = "tenant"

    def convert(self, value: str, param: Any, ctx: Any) -> str:
        if not authorize.TENANT.fullmatch(value):
            message = f"{value!r} is no tenant: 1 to 64 letters, digits or _ . -"
            self.fail(message, param, ctx)
        return value


class _Scopes(click.ParamType[list[str]]):
    name = "scope,..."

    def convert(self, value: str, param: Any, ctx: Any) -> list[str]:
        scopes = [scope for scope in value.split(",") if scope]
        unknown = sorted(set(scopes) - set(authorize.SCOPES))
        if unknown or not scopes:
            known = ", ".join(authorize.SCOPES)
            self.fail(f"{value!r} names no scopes; they are {known}", param, ctx)
        return scopes


class _Phone(click.ParamType[str]):
    name = "number"

    def convert(self, value: str, param: Any, ctx: Any) -> str:
        try:
            return str(TypeAdapter(PhoneNumber).validate_python(value))
        except ValidationError:
            self.fail("must be a number in E.164, such as +12025550100", param, ctx)


class Setting(click.ParamType[Any]):
    """A setting: what *read* makes of it, or `none`, which takes it away.

    *read* raises ValueError for what breaks the rule that *rule* states.
    """

    name = "value|none"

    def __init__(self, rule: str, read: Callable[[str], Any]) -> None:
        self._rule = rule
        self._read = read

    def convert(self, value: str, param: Any, ctx: Any) -> Any:
        """Read the setting; fail with the rule."""
        if value == NOTHING:
            return NOTHING
        try:
            return self._read(value)
        except ValueError:
            self.fail(f"{value!r} must be {self._rule}, or {NOTHING}", param, ctx)


class _Hours(click.FloatRange):
    """Hours from now: a number from 0 to a century's."""

    name = "hours"

    def convert(self, value: Any, param: Any, ctx: Any) -> float:
        hours = float(super().convert(value, param, ctx))
        if math.isnan(hours):
            self.fail(f"{value!r} is no number", param, ctx)
        return hours


def _number(text: str) -> int:
    number = int(text) if re.fullmatch("[0-9]{1,6}", text, re.ASCII) else 0
    if not 0 < number <= MOST:
        raise ValueError(text)
    return number


def _subaccount(text: str) -> str:
    try:
        return str(TypeAdapter(Subaccount).validate_python(text))
    except ValidationError:
        raise ValueError(text) from None


TENANT = _Tenant()
SCOPES = _Scopes()
PHONE = _Phone()
DAYS = click.IntRange(1, MOST_DAYS)
HOURS = _Hours(0, MOST_DAYS * 24)
NUMBER = Setting(f"a number from 1 to {MOST}", _number)
SUBACCOUNT = Setting("a Plivo sub-account: SA and 18 letters or digits", _subaccount)


def demand_tenant(stores: Stores, tenant: str) -> None:
    """Raise RefusedError for a tenant that there is not: its first key makes it."""
    if not stores.tenants.is_known(tenant):
        raise RefusedError(
            f"There is no tenant {tenant} in this deployment; is --stack right? A "
            f"tenant begins with its first key: maskline keys create {tenant}"
        )


def print_json(document: object) -> None:
    """Print a document as JSON."""
    click.echo(json.dumps(document, indent=2))
