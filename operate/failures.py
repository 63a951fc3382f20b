"""Turn what can go wrong in a command into a sentence that says what to do."""

from __future__ import annotations

import httpx
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    HTTPClientError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
)
from botocore.exceptions import ConnectionError as AwsConnectionError

from masking.core.errors import StaleStateError
from masking.core.problems import StorageUnavailableError
from masking.plivo.errors import CarrierCredentialsRefusedError, CarrierError
from operate.deployment import NoDeploymentError

DENIED = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "AuthorizationError",
        "UnauthorizedOperation",
    }
)

NOT_KNOWN = frozenset(
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)


class RefusedError(Exception):
    """The command can't do what was asked; the message is for the operator."""


def explain(error: Exception) -> str | None:
    """Return a sentence for the operator; None for an error that nobody expects."""
    match error:
        case NoDeploymentError() | RefusedError():
            return str(error)
        case StaleStateError():
            return "Somebody else changed it at the same time; repeat the command."
        case CarrierCredentialsRefusedError():
            return (
                "Plivo refused the credentials of this deployment. Write the right "
                "auth_id and auth_token into the secret that the output "
                "CarrierSecretArn names, then repeat the command."
            )
        case CarrierError():
            return f"{error} Repeat the command; repeating does no harm."
        case StorageUnavailableError():
            cause = _cause(error)
            return explain(cause) if cause else f"{error} Repeat the command."
        case httpx.HTTPStatusError(response=response):
            return f"The API answered {response.status_code}: {response.text}"
        case httpx.HTTPError():
            return f"The API could not be reached ({error}); is its address right?"
        case BotoCoreError() | ClientError():
            return _explain_aws(error)
    return None


def _explain_aws(error: BotoCoreError | ClientError) -> str:
    match error:
        case NoRegionError():
            return (
                "No AWS region is set. Give one with --region, in AWS_DEFAULT_REGION "
                "or in your profile."
            )
        case ProfileNotFound():
            return f"{error}. Give another with --profile, or add it (aws configure)."
        case (
            NoCredentialsError()
            | PartialCredentialsError()
            | CredentialRetrievalError()
            | SSOError()
            | TokenRetrievalError()
        ):
            return (
                "No AWS credentials were found that hold. Log in (aws sso login, aws "
                "configure) or name a profile with --profile."
            )
        case AwsConnectionError() | HTTPClientError():
            return (
                f"AWS could not be reached ({error}). Check --region and the network."
            )
        case ClientError(response=response):
            return _explain_answer(error, response["Error"])
    return f"AWS could not be asked: {error}"


def _explain_answer(error: ClientError, answer: object) -> str:
    code = answer.get("Code", "") if isinstance(answer, dict) else ""
    if code in DENIED:
        return (
            f"AWS denied {error.operation_name}. Ask for this permission, or name "
            "another profile with --profile."
        )
    if code in NOT_KNOWN:
        return (
            f"AWS does not accept these credentials ({code}). Log in again, or name "
            "another profile with --profile."
        )
    return f"AWS refused {error.operation_name}: {error}"


def _cause(error: BaseException) -> BotoCoreError | ClientError | None:
    """Return the answer of AWS's that an error of ours began with."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, BotoCoreError | ClientError):
            return cause
        cause = cause.__cause__ or cause.__context__
    return None
