"""Each failure that an operator may meet has a sentence; a mistake of ours has none."""

from __future__ import annotations

import httpx
import pytest
from botocore.exceptions import (
    ClientError,
    CredentialRetrievalError,
    EndpointConnectionError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOTokenLoadError,
    UnauthorizedSSOTokenError,
)

from masking.core.errors import StaleStateError
from masking.core.problems import StorageUnavailableError
from masking.core.settings import from_outputs
from masking.plivo.errors import (
    CarrierCredentialsRefusedError,
    CarrierThrottledError,
    CarrierTimeoutError,
)
from operate.deployment import (
    NEEDED,
    Deployment,
    NoDeploymentError,
    nothing_runs,
)
from operate.failures import RefusedError, explain


class NoClients:
    """Clients that nobody asks for."""

    def client(self, service: str) -> object:
        """Fail."""
        raise AssertionError(service)


def answered(code: str) -> ClientError:
    """Return the error that an answer of AWS's becomes."""
    return ClientError({"Error": {"Code": code, "Message": "no"}}, "GetItem")


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (NoRegionError(), "--region"),
        (ProfileNotFound(profile="x"), "--profile"),
        (NoCredentialsError(), "Log in"),
        (PartialCredentialsError(provider="env", cred_var="x"), "Log in"),
        (CredentialRetrievalError(provider="sso", error_msg="x"), "Log in"),
        (SSOTokenLoadError(error_msg="x"), "Log in"),
        (UnauthorizedSSOTokenError(), "Log in"),
        (EndpointConnectionError(endpoint_url="https://x"), "could not be reached"),
        (answered("AccessDenied"), "AWS denied GetItem"),
        (answered("AccessDeniedException"), "AWS denied GetItem"),
        (answered("ExpiredToken"), "Log in again"),
        (answered("UnrecognizedClientException"), "Log in again"),
        (answered("ThrottlingException"), "AWS refused GetItem"),
        (StaleStateError(), "repeat the command"),
        (CarrierCredentialsRefusedError(), "CarrierSecretArn"),
        (CarrierThrottledError(), "Repeat the command"),
        (CarrierTimeoutError(), "Repeat the command"),
        (StorageUnavailableError(), "Repeat the command"),
        (httpx.ConnectError("refused"), "could not be reached"),
        (RefusedError("Do that."), "Do that."),
        (NoDeploymentError("Do this."), "Do this."),
    ],
    ids=str,
)
def test_what_an_operator_may_meet_has_a_sentence(error: Exception, told: str) -> None:
    sentence = explain(error)

    assert sentence
    assert told in sentence
    assert "\n" not in sentence


def test_the_api_answer_is_told() -> None:
    answer = httpx.Response(403, text="no", request=httpx.Request("GET", "http://x"))
    error = httpx.HTTPStatusError("x", request=answer.request, response=answer)

    assert explain(error) == "The API answered 403: no"


def test_storage_that_is_not_available_is_explained_by_its_cause() -> None:
    error = StorageUnavailableError()
    error.__cause__ = ValueError()
    error.__cause__.__context__ = answered("AccessDeniedException")

    assert "AWS denied GetItem" in str(explain(error))


@pytest.mark.parametrize("error", [KeyError("x"), ValueError(), AssertionError()])
def test_a_mistake_of_ours_is_no_sentence(error: Exception) -> None:
    assert explain(error) is None


def test_an_output_is_the_variable_of_the_same_name() -> None:
    assert from_outputs({"TableName": "t", "CarrierSecretArn": "a"}).environment == {
        "TABLE_NAME": "t",
        "CARRIER_SECRET_ARN": "a",
    }


@pytest.mark.parametrize("missing", sorted(NEEDED))
def test_a_stack_that_lacks_an_output_is_refused(missing: str) -> None:
    outputs = {name: "x" for name in NEEDED if name != missing}

    with pytest.raises(NoDeploymentError) as refused:
        Deployment("masks", outputs, NoClients())

    assert "masks" in str(refused.value)


def test_no_local_stack_is_none() -> None:
    assert nothing_runs() is None
