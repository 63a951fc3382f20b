"""What goes wrong in a command is a sentence that says what to do, and status 1."""

from __future__ import annotations

import json
import uuid
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from masking.storage.stores import Stores
from stack.aws.clients import REGION
from tests.support.embedded_aws import Deployment, EmbeddedAws, make_secret
from tests.support.maskline import Command, Ended, command_on, outputs_of

# An environment that says nothing of AWS.
NOWHERE = {
    "AWS_CONFIG_FILE": "/dev/null",
    "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_ACCESS_KEY_ID": "",
    "AWS_SECRET_ACCESS_KEY": "",
    "AWS_DEFAULT_REGION": "",
    "AWS_PROFILE": None,
}


def sentence(ended: Ended) -> str:
    """Return what a command that failed says."""
    assert (ended.status, ended.out) == (1, "")
    assert ended.err.startswith("Error: ")
    assert "Traceback" not in ended.err
    return ended.err


class Refusing:
    """Clients of AWS whose first request is answered by an error."""

    def __init__(self, service: str, operation: str, code: str, rest: Any) -> None:
        self._refused = service, operation, code
        self._rest = rest

    def client(self, service: str) -> Any:
        """Return a client of *service*, which refuses if it is that one."""
        refused, operation, code = self._refused
        if service != refused:
            return self._rest.client(service)
        made: Any = boto3.Session().client(service)  # type: ignore[call-overload]
        stubber = Stubber(made)
        stubber.add_client_error(operation, service_error_code=code)
        stubber.activate()
        return made


@pytest.fixture
def outputs(deployment: Deployment) -> dict[str, str]:
    """Return the outputs of the test's deployment."""
    return outputs_of(deployment)


@pytest.mark.parametrize("region", ["", None], ids=["empty", "not set"])
def test_without_a_region_it_says_how_to_name_one(region: str | None) -> None:
    environment = {**NOWHERE, "AWS_DEFAULT_REGION": region}

    ended = Command(None).run_bare("keys", "list", "acme", **environment)

    assert "--region" in sentence(ended)


def test_without_credentials_it_says_how_to_get_some() -> None:
    ended = Command(None).run_bare(
        "--region", REGION, "keys", "list", "acme", **NOWHERE
    )

    assert "--profile" in sentence(ended)


def test_an_unknown_profile_is_named() -> None:
    ended = Command(None).run_bare("--profile", "nope", "keys", "list", "a", **NOWHERE)

    assert "nope" in sentence(ended)


def test_a_region_that_cannot_be_reached_is_named(aws: EmbeddedAws) -> None:
    environment = {**aws.environment, "AWS_ENDPOINT_URL": "http://127.0.0.1:9"}

    ended = Command(None).run_bare("keys", "list", "acme", **environment)

    assert "could not be reached" in sentence(ended)


@pytest.mark.usefixtures("deployment")
def test_a_stack_that_is_not_there_is_named() -> None:
    ended = Command(None).run_bare("--stack", "nobody", "keys", "list", "acme")

    assert "There is no stack nobody" in sentence(ended)
    assert "maskline-local" in ended.err


def test_a_local_stack_that_does_not_run_says_how_to_start_it() -> None:
    assert "make run" in sentence(Command(None).run("keys", "list", "acme"))


def stack_of(aws: EmbeddedAws, outputs: dict[str, str]) -> str:
    """Deploy a stack that has outputs and little else; return its name."""
    name = f"test-{uuid.uuid4().hex[:8]}"
    template = {
        "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
        "Outputs": {key: {"Value": value} for key, value in outputs.items()},
    }
    cloud = aws.client("cloudformation")
    cloud.create_stack(StackName=name, TemplateBody=json.dumps(template))
    cloud.get_waiter("stack_create_complete").wait(
        StackName=name, WaiterConfig={"Delay": 0.1, "MaxAttempts": 300}
    )
    return name


def test_a_stack_in_an_account_is_found_by_its_name(
    aws: EmbeddedAws, outputs: dict[str, str]
) -> None:
    name = stack_of(aws, outputs)

    ended = Command(None).run_bare("--stack", name, "redrive", "webhooks", "--json")

    assert (ended.status, ended.err) == (0, "")
    assert json.loads(ended.out)["queue"] == "webhooks"


@pytest.mark.usefixtures("deployment")
def test_a_stack_of_somebody_else_is_refused(aws: EmbeddedAws) -> None:
    name = stack_of(aws, {"Other": "x"})

    ended = Command(None).run_bare("--stack", name, "keys", "list", "acme")

    assert f"{name} is not a deployment of Maskline" in sentence(ended)


def test_an_older_deployment_is_to_be_deployed_anew(
    aws: EmbeddedAws, outputs: dict[str, str]
) -> None:
    del outputs["RetentionDays"]
    name = stack_of(aws, outputs)

    told = sentence(
        Command(None).run_bare("--stack", name, "tenants", "recount", "acme")
    )

    assert "older template" in told
    assert "RetentionDays" in told
    assert "sam deploy" in told


@pytest.mark.parametrize("doing", ["set", "lift"])
def test_a_hold_on_an_unknown_session_is_refused(command: Command, doing: str) -> None:
    unknown = str(uuid.uuid4())

    assert f"no session {unknown}" in sentence(command.run("hold", doing, unknown))


@pytest.mark.parametrize(
    "arguments",
    [
        ["keys", "list"],
        ["tenants", "show"],
        ["tenants", "set", "--retention-days", "30"],
        ["tenants", "set", "--recording-retention-days", "30"],
        ["tenants", "set", "--live-sessions", "none"],
        ["tenants", "recount"],
        ["webhooks", "show"],
        ["webhooks", "rotate"],
        ["webhooks", "retire"],
    ],
    ids=" ".join,
)
def test_a_command_for_a_tenant_that_there_is_not_does_nothing_and_says_so(
    command: Command, stores: Stores, arguments: list[str]
) -> None:
    ended = command.run(*arguments[:2], "acmee", *arguments[2:])

    assert sentence(ended).startswith("Error: There is no tenant acmee")
    assert "maskline keys create acmee" in ended.err
    assert not stores.tenants.is_known("acmee")


@pytest.mark.usefixtures("acme")
@pytest.mark.parametrize("doing", ["rotate", "revoke"])
def test_a_key_that_there_is_not_is_named(command: Command, doing: str) -> None:
    told = sentence(command.run("keys", doing, "acme", "0123456789ab"))

    assert "acme has no key 0123456789ab" in told


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["keys", "create", "acme", "--days", "0"], "0 is not in the range"),
        (["keys", "create", "acme", "--days", "-1"], "-1 is not in the range"),
        (["keys", "create", "acme", "--days", "9999999"], "is not in the range"),
        (["keys", "rotate", "acme", "x", "--hours", "-1"], "is not in the range"),
        (["keys", "rotate", "acme", "x", "--hours", "inf"], "is not in the range"),
        (["keys", "rotate", "acme", "x", "--hours", "nan"], "'nan' is no number"),
        (["tenants", "set", "acme", "--retention-days", "-3"], "'-3' must be"),
        (["tenants", "set", "acme", "--retention-days", "1_0"], "'1_0' must be"),
        (["tenants", "set", "acme", "--live-sessions", "١٢"], "must be a number"),
        (["audit", "--days", "-1"], "-1 is not in the range"),
        (["redrive", "letters"], "'letters' is not one of"),
        (["tenants", "show", "a b"], "'a b' is no tenant"),
        (["hold", "set", "abc"], "'abc' is not a valid UUID"),
        (["probe", "--first", "12", "--second", "+12025550101"], "E.164"),
        (["probe", "--first", "+12025550100"], "--second"),
        (["audit", "--days", "91"], "91 is not in the range"),
        (["forget"], "No such command"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_usage_is_status_2(arguments: list[str], told: str) -> None:
    ended = Command(None).run(*arguments)

    assert (ended.status, ended.out) == (2, "")
    assert told in ended.err


def test_a_probe_without_a_key_says_how_to_make_one() -> None:
    ended = Command(None).run(
        *("probe", "--first", "+12025550100", "--second", "+12025550101"),
        MASKLINE_API_KEY="",
    )

    assert ended.status == 2
    assert "maskline keys create" in ended.err


def test_a_probe_of_an_api_that_is_not_there_is_one_sentence() -> None:
    ended = Command(None).run(
        *("probe", "--first", "+12025550100", "--second", "+12025550101"),
        *("--api", "http://127.0.0.1:9"),
        MASKLINE_API_KEY="maskline_x",
    )

    assert "could not be reached" in sentence(ended)


@pytest.mark.usefixtures("plivo")
@pytest.mark.parametrize("arguments", [["numbers", "list"], ["audit"]], ids=" ".join)
def test_credentials_that_plivo_refuses_are_to_be_mended(
    deployment: Deployment, aws: EmbeddedAws, arguments: list[str]
) -> None:
    wrong = make_secret(
        aws.client("secretsmanager"), '{"auth_id": "MAX", "auth_token": "wrong"}'
    )
    command = command_on(deployment, aws, CarrierSecretArn=wrong)

    assert "CarrierSecretArn" in sentence(command.run(*arguments))


@pytest.mark.usefixtures("acme")
@pytest.mark.parametrize(
    ("refused", "arguments"),
    [
        (("dynamodb", "query"), ["keys", "list", "acme"]),
        (("dynamodb", "query"), ["tenants", "show", "acme"]),
        (("secretsmanager", "get_secret_value"), ["webhooks", "show", "acme"]),
        (("secretsmanager", "get_secret_value"), ["numbers", "list"]),
        (("sqs", "receive_message"), ["redrive", "recordings"]),
    ],
    ids=lambda value: " ".join(value),
)
def test_what_aws_denies_is_named(
    deployment: Deployment,
    aws: EmbeddedAws,
    refused: tuple[str, str],
    arguments: list[str],
) -> None:
    clients = Refusing(*refused, "AccessDeniedException", aws)

    told = sentence(command_on(deployment, clients).run(*arguments))

    operation = "".join(word.capitalize() for word in refused[1].split("_"))
    assert f"AWS denied {operation}" in told
    assert "permission" in told


def test_credentials_that_have_run_out_are_to_be_renewed(
    deployment: Deployment, aws: EmbeddedAws
) -> None:
    clients = Refusing("dynamodb", "query", "ExpiredTokenException", aws)

    told = sentence(command_on(deployment, clients).run("keys", "list", "acme"))

    assert "Log in again" in told
