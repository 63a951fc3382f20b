"""Check that a deployment is ready: what an operator wrote by hand, and Plivo's side.

Each check is one sentence: what is right, or what is wrong and how to mend it. What
can't be checked because another check failed says so.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import click
import httpx

from masking.callbacks.receive import CAPABILITY
from masking.core.get_health import VERSION
from masking.plivo import callback_urls, credentials
from masking.plivo.account import Account, Number
from masking.plivo.client import Carrier
from masking.plivo.credentials import Credentials, CredentialsError
from masking.plivo.errors import (
    CarrierCredentialsRefusedError,
    CarrierError,
    CarrierForbiddenError,
    CarrierSessionMissingError,
    CarrierUnreachableError,
)
from operate import numbers, plivo
from operate.arguments import as_json, example, print_json
from operate.deployment import LOCAL, Deployment, Target
from operate.failures import explain

# What the template writes into the secret.
PLACEHOLDER = "not-set"

# An account or a sub-account of Plivo's.
AUTH_ID = re.compile(r"(MA|SA)[A-Z0-9]{18}", re.ASCII)

OK = "ok"
WARNING = "warning"
WRONG = "wrong"
SKIPPED = "not checked"

PENDING = "PendingConfirmation"

SECONDS = 15


@dataclass(frozen=True)
class Finding:
    """What a check found: its verdict and a sentence for the operator."""

    check: str
    verdict: str
    said: str


@click.command(
    "check",
    epilog=example("maskline check")
    + "\n\nThe exit status is 1 while there is something to see to.",
)
@as_json
@click.pass_context
def check_command(ctx: click.Context, as_json: bool) -> None:
    """Check credentials, numbers, webhooks and addresses of a deployment."""
    target: Target = ctx.obj
    findings = []
    for finding in Checks(target.deployment).run():
        findings.append(finding)
        if not as_json:
            click.echo(f"{finding.verdict:<11}  {finding.check:<12} {finding.said}")
    if as_json:
        print_json({"checks": [asdict(each) for each in findings]})
    ctx.exit(0 if all(each.verdict == OK for each in findings) else 1)


class WrongError(Exception):
    """A check failed; the message is for the operator."""


class DoubtError(Exception):
    """A check found something to see to; the message is for the operator."""


class Checks:
    """The checks of a deployment."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._outputs = deployment.outputs

    def run(self) -> Iterator[Finding]:
        """Yield what each check found, in the order in which one needs another."""
        checks: list[tuple[str, Callable[[], str]]] = [
            ("region", self.region),
            ("secret", self.secret),
            ("credentials", self.credentials),
            ("masking", self.masking),
            ("numbers", self.numbers),
            ("application", self.application),
            ("base URL", self.base_url),
            ("version", self.version),
            ("signatures", self.signatures),
            ("alarms", self.alarms),
        ]
        failed: set[str] = set()
        for name, check in checks:
            if needed := NEEDS.get(name, frozenset()) & failed:
                failed.add(name)
                first = min(needed, key=[each for each, _ in checks].index)
                yield Finding(name, SKIPPED, f"mend what is said of: {first}")
                continue
            try:
                yield Finding(name, OK, check())
            except WrongError as wrong:
                failed.add(name)
                yield Finding(name, WRONG, str(wrong))
            except DoubtError as doubt:
                yield Finding(name, WARNING, str(doubt))
            except Exception as error:
                sentence = explain(error)
                if sentence is None:
                    raise
                failed.add(name)
                yield Finding(name, WRONG, sentence)

    # What AWS has

    def region(self) -> str:
        """Return where the deployment is."""
        region, account = self._outputs["CarrierSecretArn"].split(":")[3:5]
        return f"{self._deployment.name} is in {region}, account {account}"

    def secret(self) -> str:
        """Check the shape of the secret with Plivo's credentials."""
        try:
            held = self._credentials
        except CredentialsError as error:
            raise WrongError(
                f"the secret {self._secret_name} can't be used: {error.fault}. Write "
                f"{credentials.SHAPE} into it."
            ) from None
        if held.auth_id == PLACEHOLDER:
            raise WrongError(
                f"nobody has written Plivo's credentials into the secret "
                f"{self._secret_name} yet. Write {credentials.SHAPE} into it."
            )
        if not AUTH_ID.fullmatch(held.auth_id):
            raise DoubtError(
                "its auth_id does not look like one of Plivo's: MA (or SA for a "
                "sub-account) and 18 capitals or digits"
            )
        rotating = " (a rotation: two auth tokens)" if held.previous_auth_token else ""
        return f"it holds an auth_id and an auth_token{rotating}"

    def alarms(self) -> str:
        """Check that somebody hears the alarms."""
        topic = self._outputs["AlarmsTopicArn"]
        sns = self._deployment.client("sns")
        found = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
        heard = [each for each in found if each["SubscriptionArn"] != PENDING]
        if not found:
            raise DoubtError(f"nobody hears them: subscribe to the topic {topic}")
        if not heard:
            raise DoubtError(
                "nobody hears them yet: the subscription waits to be confirmed"
            )
        return f"{len(heard)} subscribed"

    # What Plivo says

    def credentials(self) -> str:
        """Check that Plivo takes the credentials."""
        base = self._outputs["CarrierBaseUrl"]
        try:
            next(iter(self._account.applications()), None)
        except CarrierCredentialsRefusedError:
            raise WrongError(
                "Plivo refuses them: is the auth_token that of this auth_id, and has "
                f"it been rotated since? They are in the secret {self._secret_name}."
            ) from None
        except CarrierUnreachableError:
            raise WrongError(
                f"{base} could not be reached from here; is CarrierBaseUrl right?"
            ) from None
        except CarrierError as error:
            raise WrongError(f"{base} did not answer as Plivo does: {error}") from None
        return f"{base} takes them"

    def masking(self) -> str:
        """Check that the account may use number masking."""
        try:
            self._account.count_sessions()
        except (CarrierForbiddenError, CarrierSessionMissingError):
            raise WrongError(
                "Plivo does not let this account use number masking: ask its support "
                "to enable it"
            ) from None
        except CarrierError as error:
            raise WrongError(f"Plivo did not list masking sessions: {error}") from None
        return "enabled for this account"

    def numbers(self) -> str:
        """Check that there are numbers to mask with."""
        found = self._numbers
        if not found:
            raise WrongError(
                "no number that takes calls is rented: creates will answer "
                "number_pool_exhausted. Rent some in Plivo's console."
            )
        countries = sorted({each.country for each in found})
        return f"{len(found)} that take calls: {', '.join(countries)}"

    def application(self) -> str:
        """Check what answers the numbers once their session is over."""
        urls = plivo.answer_urls(self._outputs)
        known = {each.app_id: each for each in self._account.applications()}
        said = [numbers.answered_by(each, known, urls) for each in self._numbers]
        told = {
            numbers.NOTHING: "have no application: late callers meet a failure",
            numbers.NO_FALLBACK: "have no fallback",
        }
        for answers, meaning in told.items():
            if count := said.count(answers):
                raise DoubtError(
                    f"{count} numbers {meaning}; run: maskline numbers attach"
                )
        if count := said.count(numbers.ELSEWHERE):
            raise DoubtError(
                f"{count} numbers have an application of yours, which late callers "
                "reach: see maskline numbers list"
            )
        return "all numbers say goodbye when their session is over"

    # What Plivo will meet

    def base_url(self) -> str:
        """Check that callbacks reach this deployment where Plivo is told to call."""
        base = self._base_url
        session_uuid = str(uuid.uuid4())
        key = self._deployment.services.callback_key
        token = callback_urls.token_for(key, session_uuid, 1)
        path = callback_urls.path_for(session_uuid, 1, token, "events")
        # Only this deployment knows the token, and nobody the session.
        answer = self._ask("POST", base + path)
        code = _code_of(answer)
        if (answer.status_code, code) == (404, "session_not_found"):
            if not base.startswith("https://") and self._deployment.name != LOCAL:
                raise DoubtError(f"{base} is not https: what Plivo sends can be read")
            return f"{base} leads here"
        if code == "webhook_refused":
            raise WrongError(f"{base} leads to another deployment; see PublicBaseUrl")
        if code == "carrier_credentials_refused":
            raise WrongError(
                f"{base} leads here, but functions can't read the secret: they read "
                "a new one within five minutes"
            )
        raise WrongError(
            f"{base} leads elsewhere: it answered {answer.status_code} to a callback; "
            "see PublicBaseUrl, and what your domain maps to"
        )

    def version(self) -> str:
        """Check that this command and the deployment are of one version."""
        answer = self._ask("GET", f"{self._base_url}/v1/health")
        try:
            deployed = str(answer.json()["version"])
        except (ValueError, LookupError, TypeError):
            raise WrongError(f"/v1/health answered {answer.status_code}") from None
        if deployed != VERSION:
            raise DoubtError(f"deployed is {deployed}, this command is of {VERSION}")
        return deployed

    def signatures(self) -> str:
        """Tell what a callback of Plivo's needs."""
        if self._outputs.get("WebhookAuth") == CAPABILITY:
            raise DoubtError(
                "WebhookAuth is capability: callbacks without a signature are taken "
                "on the token in their URL. Use signature if Plivo signs yours: "
                "maskline probe tells."
            )
        return "callbacks must be signed (WebhookAuth is signature)"

    # Parts

    @property
    def _secret_name(self) -> str:
        return self._outputs["CarrierSecretArn"]

    @cached_property
    def _credentials(self) -> Credentials:
        secrets = self._deployment.client("secretsmanager")
        found = secrets.get_secret_value(SecretId=self._secret_name)
        return credentials.read(found.get("SecretString") or "")

    @cached_property
    def _account(self) -> Account:
        held = self._credentials
        base_url = self._outputs["CarrierBaseUrl"]
        return Account(
            Carrier(auth_id=held.auth_id, auth_token=held.auth_token, base_url=base_url)
        )

    @cached_property
    def _numbers(self) -> list[Number]:
        try:
            return [each for each in self._account.numbers() if each.voice]
        except CarrierError as error:
            raise WrongError(f"Plivo did not list the numbers: {error}") from None

    @property
    def _base_url(self) -> str:
        return self._outputs.get("PublicBaseUrl") or self._outputs["ApiUrl"]

    def _ask(self, method: str, url: str) -> httpx.Response:
        try:
            is_far = self._deployment.name != LOCAL
            return httpx.request(method, url, timeout=SECONDS, trust_env=is_far)
        except httpx.HTTPError as error:
            raise WrongError(
                f"{self._base_url} could not be reached ({error}); is its name known, "
                "and its certificate valid?"
            ) from None


# What needs another check to have passed.
NEEDS = {
    "credentials": frozenset({"secret"}),
    "masking": frozenset({"credentials"}),
    "numbers": frozenset({"credentials"}),
    "application": frozenset({"numbers"}),
    "version": frozenset({"base URL"}),
}


def _code_of(answer: httpx.Response) -> Any:
    """Return the code of a problem document; None for anything else."""
    try:
        document = answer.json()
    except ValueError:
        return None
    return document.get("code") if isinstance(document, dict) else None
