"""The command checks what an operator wrote by hand, and says how to mend it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from masking.core.get_health import VERSION
from operate.check import NEEDS, OK, SKIPPED, WARNING, WRONG, Checks
from plivo_simulator import account
from proofs.http_listener import Answer, HttpListener, reply
from tests.support.embedded_aws import Deployment, EmbeddedAws, make_secret
from tests.support.maskline import Command, command_on, deployment_on
from tests.support.simulated_plivo import SimulatedPlivo

SECRET = "aVeryPrivateToken"

NOT_FOUND = reply(404, json.dumps({"code": "session_not_found"}).encode())
HEALTH = reply(200, json.dumps({"version": VERSION}).encode())


@pytest.fixture
def api(wire: HttpListener) -> HttpListener:
    """Return a server that answers as the API of this deployment."""
    wire.answers(NOT_FOUND, HEALTH)
    return wire


@pytest.fixture
def command(
    deployment: Deployment, aws: EmbeddedAws, api: HttpListener, plivo: SimulatedPlivo
) -> Command:
    """Return the command for a deployment that is all right but for its numbers."""
    assert plivo.sessions() == []
    sns = aws.client("sns")
    topic = sns.create_topic(Name="alarms-of-checks")["TopicArn"]
    endpoint = "arn:aws:sqs:us-east-1:000000000000:somebody"
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=endpoint)
    return command_on(
        deployment,
        aws,
        PublicBaseUrl=api.origin,
        AlarmsTopicArn=topic,
        WebhookAuth="signature",
    )


def with_outputs(deployment: Deployment, aws: EmbeddedAws, **changes: str) -> Command:
    """Return the command for a deployment whose API nobody serves."""
    nowhere = {"PublicBaseUrl": "http://127.0.0.1:9"}
    return command_on(deployment, aws, **nowhere | changes)


def checked(command: Command) -> dict[str, tuple[str, str]]:
    """Run the command; return each check's verdict and what it said."""
    ended = command.run("check", "--json")
    found = {
        each["check"]: (each["verdict"], each["said"])
        for each in json.loads(ended.out)["checks"]
    }
    bad = any(verdict != OK for verdict, _ in found.values())
    assert (ended.status, ended.err) == (int(bad), "")
    return found


def with_secret(
    deployment: Deployment, aws: EmbeddedAws, text: str, **changes: str
) -> Command:
    """Return the command for a deployment whose secret holds a text."""
    arn = make_secret(aws.client("secretsmanager"), text)
    return with_outputs(deployment, aws, CarrierSecretArn=arn, **changes)


def fake_plivo(
    deployment: Deployment, aws: EmbeddedAws, wire: HttpListener, *answers: Answer
) -> Command:
    """Return the command for a deployment whose Plivo answers so."""
    wire.answers(*answers)
    return with_outputs(deployment, aws, CarrierBaseUrl=wire.origin)


def test_everything_is_right_once_the_numbers_say_goodbye(
    command: Command, api: HttpListener
) -> None:
    before = checked(command)
    command.run("numbers", "attach")
    api.answers(NOT_FOUND, HEALTH)

    ended = command.run("check")

    assert before["application"] == (
        WARNING,
        "38 numbers have no application: late callers meet a failure; run: maskline "
        "numbers attach",
    )
    assert {v for name, (v, _) in before.items() if name != "application"} == {OK}
    assert ended.status == 0, ended.out
    lines = ended.out.splitlines()
    assert [line.split("  ")[0] for line in lines] == [OK] * len(before)
    assert "leads here" in ended.out
    assert "1 subscribed" in ended.out


# The secret


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f'{{"auth_id": "MAX", "auth_token": "{SECRET}', "it is not JSON"),
        (f'["{SECRET}"]', "it is JSON, but not an object"),
        (f'{{"authId": "MAX", "auth_token": "{SECRET}"}}', "it has no auth_id"),
        ('{"auth_id": "MAX"}', "it has no auth_token"),
        (f'{{"auth_id": "MAX", "auth_token": "{SECRET}\\n"}}', "its auth_token has"),
        (f'{{"auth_id": "not-set", "auth_token": "{SECRET}"}}', "nobody has written"),
    ],
)
def test_a_secret_that_cannot_be_used_is_named_and_what_is_wrong(
    deployment: Deployment, aws: EmbeddedAws, text: str, said: str
) -> None:
    command = with_secret(deployment, aws, text)

    found = checked(command)

    verdict, told = found["secret"]
    assert verdict == WRONG
    assert said in told
    assert "arn:aws:secretsmanager" in told
    assert 'Write {"auth_id": "MA...", "auth_token": "..."} into it.' in told
    assert found["credentials"] == (SKIPPED, "mend what is said of: secret")
    assert found["application"][0] == SKIPPED
    assert SECRET not in json.dumps(found)


def test_an_auth_id_of_another_form_is_a_warning(
    deployment: Deployment, aws: EmbeddedAws
) -> None:
    text = json.dumps({"auth_id": "someone@example.com", "auth_token": SECRET})
    command = with_secret(deployment, aws, text)

    assert checked(command)["secret"][0] == WARNING


def test_a_rotation_is_told(deployment: Deployment, aws: EmbeddedAws) -> None:
    text = json.dumps(
        {
            "auth_id": account.AUTH_ID,
            "auth_token": account.AUTH_TOKEN,
            "previous_auth_token": SECRET,
        }
    )

    found = checked(with_secret(deployment, aws, text))

    assert found["secret"] == (
        OK,
        "it holds an auth_id and an auth_token (a rotation: two auth tokens)",
    )


# Plivo


@pytest.mark.usefixtures("plivo")
def test_credentials_that_plivo_refuses_are_told(
    deployment: Deployment, aws: EmbeddedAws
) -> None:
    text = json.dumps({"auth_id": account.AUTH_ID, "auth_token": SECRET})
    found = checked(with_secret(deployment, aws, text))

    verdict, told = found["credentials"]
    assert verdict == WRONG
    assert told.startswith("Plivo refuses them: is the auth_token that of this auth_id")
    assert found["numbers"] == (SKIPPED, "mend what is said of: credentials")
    assert SECRET not in json.dumps(found)


def test_a_plivo_that_cannot_be_reached_is_told(
    deployment: Deployment, aws: EmbeddedAws
) -> None:
    command = with_outputs(deployment, aws, CarrierBaseUrl="http://127.0.0.1:9")

    assert checked(command)["credentials"] == (
        WRONG,
        "http://127.0.0.1:9 could not be reached from here; is CarrierBaseUrl right?",
    )


def test_something_else_in_the_place_of_plivo_is_told(
    deployment: Deployment, aws: EmbeddedAws, wire: HttpListener
) -> None:
    command = fake_plivo(deployment, aws, wire, reply(200, b"<html>"))

    verdict, told = checked(command)["credentials"]

    assert verdict == WRONG
    assert told.startswith(f"{wire.origin} did not answer as Plivo does")


def empty(**more: Any) -> Answer:
    """Return a page of Plivo's with nothing on it."""
    body = {"objects": [], "meta": {"total_count": 0, "next": None}, **more}
    return reply(200, json.dumps(body).encode())


def test_an_account_without_number_masking_is_told(
    deployment: Deployment, aws: EmbeddedAws, wire: HttpListener
) -> None:
    command = fake_plivo(deployment, aws, wire, empty(), reply(403, b"{}"), empty())

    found = checked(command)

    assert found["credentials"][0] == OK
    assert found["masking"] == (
        WRONG,
        "Plivo does not let this account use number masking: ask its support to "
        "enable it",
    )


def test_an_account_without_numbers_is_told(
    deployment: Deployment, aws: EmbeddedAws, wire: HttpListener
) -> None:
    listing = empty(response={"objects": [], "meta": {"total_count": 0}})
    command = fake_plivo(deployment, aws, wire, empty(), listing, empty())

    found = checked(command)

    assert found["masking"][0] == OK
    assert found["numbers"] == (
        WRONG,
        "no number that takes calls is rented: creates will answer "
        "number_pool_exhausted. Rent some in Plivo's console.",
    )
    assert found["application"] == (SKIPPED, "mend what is said of: numbers")


def test_numbers_that_cannot_be_listed_are_told(
    deployment: Deployment, aws: EmbeddedAws, wire: HttpListener
) -> None:
    listing = empty(response={"objects": [], "meta": {"total_count": 0}})
    command = fake_plivo(deployment, aws, wire, empty(), listing, reply(500, b"{}"))

    verdict, told = checked(command)["numbers"]

    assert verdict == WRONG
    assert told.startswith("Plivo did not list the numbers")


def test_an_application_of_somebody_elses_is_a_warning(command: Command) -> None:
    command.run("numbers", "attach")
    outputs = {"AnswerUrl": "https://other.example.com/v1/plivo/answer"}
    running = command.running
    assert running
    other = type(running)({**running.outputs, **outputs}, running.aws)  # type: ignore[call-arg]

    assert checked(Command(other))["application"] == (
        WARNING,
        "38 numbers have an application of yours, which late callers reach: see "
        "maskline numbers list",
    )


# The base URL


@pytest.mark.parametrize(
    ("answer", "verdict", "said"),
    [
        (
            reply(403, json.dumps({"code": "webhook_refused"}).encode()),
            WRONG,
            "leads to another deployment; see PublicBaseUrl",
        ),
        (
            reply(502, json.dumps({"code": "carrier_credentials_refused"}).encode()),
            WRONG,
            "leads here, but functions can't read the secret: they read a new one "
            "within five minutes",
        ),
        (reply(410, b"<h1>Gone"), WRONG, "leads elsewhere: it answered 410"),
        (reply(404, b"[]"), WRONG, "leads elsewhere: it answered 404"),
        (reply(301, b""), WRONG, "leads elsewhere: it answered 301"),
    ],
)
def test_what_answers_in_the_place_of_this_deployment_is_told(
    command: Command, api: HttpListener, answer: Answer, verdict: str, said: str
) -> None:
    api.answers(answer)

    found = checked(command)

    assert found["base URL"][0] == verdict
    assert f"{api.origin} {said}" in found["base URL"][1]
    assert found["version"] == (SKIPPED, "mend what is said of: base URL")


def test_a_base_url_that_cannot_be_reached_is_told(
    deployment: Deployment, aws: EmbeddedAws
) -> None:
    command = with_outputs(deployment, aws)

    verdict, told = checked(command)["base URL"]

    assert verdict == WRONG
    assert told.startswith("http://127.0.0.1:9 could not be reached (")


def test_a_base_url_is_asked_by_post_and_its_path_names_nobody(
    command: Command, api: HttpListener
) -> None:
    checked(command)

    first, second = api.requests[:2]
    assert (first.method, second.method) == ("POST", "GET")
    assert second.path == "/v1/health"
    assert first.body == b""


def test_plain_http_is_a_warning_but_on_this_machine(
    deployment: Deployment, aws: EmbeddedAws, api: HttpListener
) -> None:
    outputs = deployment_on(deployment, aws, PublicBaseUrl=api.origin).outputs
    far = type(deployment_on(deployment, aws))("masks", outputs, aws)

    found = {each.check: each for each in Checks(far).run()}

    assert found["base URL"].verdict == WARNING
    assert "is not https" in found["base URL"].said


@pytest.mark.parametrize(
    ("answer", "verdict", "said"),
    [
        (
            reply(200, b'{"version": "0.1.0"}'),
            WARNING,
            f"deployed is 0.1.0, this command is of {VERSION}",
        ),
        (reply(500, b"{}"), WRONG, "/v1/health answered 500"),
        (reply(200, b"[]"), WRONG, "/v1/health answered 200"),
    ],
)
def test_another_version_is_told(
    command: Command, api: HttpListener, answer: Answer, verdict: str, said: str
) -> None:
    api.answers(NOT_FOUND, answer)

    assert checked(command)["version"] == (verdict, said)


# Signatures and alarms


def test_callbacks_that_need_no_signature_are_a_warning(
    deployment: Deployment, aws: EmbeddedAws
) -> None:
    command = with_outputs(deployment, aws, WebhookAuth="capability")

    verdict, told = checked(command)["signatures"]

    assert verdict == WARNING
    assert told.startswith("WebhookAuth is capability")


def test_alarms_that_nobody_hears_are_a_warning(
    deployment: Deployment, aws: EmbeddedAws
) -> None:
    topic = aws.client("sns").create_topic(Name="alarms-of-nobody")["TopicArn"]
    command = with_outputs(deployment, aws, AlarmsTopicArn=topic)

    assert checked(command)["alarms"] == (
        WARNING,
        f"nobody hears them: subscribe to the topic {topic}",
    )


class Pending:
    """Clients of AWS whose topics have a subscription that waits."""

    def client(self, _service: str) -> Any:
        """Return itself."""
        return self

    def list_subscriptions_by_topic(self, **_: str) -> dict[str, Any]:
        """Return a subscription that waits to be confirmed."""
        return {"Subscriptions": [{"SubscriptionArn": "PendingConfirmation"}]}


def test_a_subscription_that_waits_is_a_warning(
    deployment: Deployment, aws: EmbeddedAws
) -> None:
    made = deployment_on(deployment, aws)
    waiting = type(made)(made.name, made.outputs, Pending())

    with pytest.raises(Exception, match="waits to be confirmed"):
        Checks(waiting).alarms()


def test_what_aws_refuses_is_told_and_the_others_are_checked(
    deployment: Deployment, aws: EmbeddedAws
) -> None:
    command = with_outputs(deployment, aws, WebhookAuth="signature")

    found = checked(command)

    assert found["alarms"][0] == WRONG
    assert found["alarms"][1].startswith("AWS refused ListSubscriptionsByTopic")
    assert found["signatures"][0] == OK


def test_what_a_check_needs_is_a_check() -> None:
    assert {"credentials", "numbers"} <= NEEDS.keys()
    names = {"secret", "credentials", "numbers", "base URL"}
    assert frozenset().union(*NEEDS.values()) <= names
