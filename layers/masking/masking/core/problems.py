"""Failures that reach HTTP as problem documents (RFC 9457).

ProblemError
├── MalformedBodyError       400 malformed_body
├── InvalidRequestError      400 invalid_request
├── NumberInUrlError         400 number_in_url
├── WebhookRefusedError      403 webhook_refused
├── ScopeMissingError        403 scope_missing
├── SessionNotFoundError     404 session_not_found
├── RecordingNotFoundError   404 recording_not_found
├── DeliveryNotFoundError    404 delivery_not_found
├── ErasureNotFoundError     404 erasure_not_found
├── CreateInProgressError    409 create_in_progress
├── CreateAbandonedError     409 create_abandoned
├── PairAlreadyActiveError   409 pair_already_active
├── SessionNotActiveError    409 session_not_active
├── SessionExpiredError      409 session_expired
├── UpdateInProgressError    409 update_in_progress
├── EndInProgressError       409 end_in_progress
├── RecordingNotStoredError  409 recording_not_stored
├── RecordingFailedError     409 recording_failed
├── RecordingHeldError       409 recording_held
├── RecordingDeletedError    410 recording_deleted
├── SessionErasedError       410 session_erased
├── VersionMismatchError     412 version_mismatch
├── BodyTooLargeError        413 body_too_large
├── IdempotencyKeyReusedError 422 idempotency_key_reused
├── FieldNotUpdatableError   422 field_not_updatable
├── QuotaExceededError       429 quota_exceeded
├── StorageUnavailableError  503 storage_unavailable
└── CarrierError             Plivo did not do as asked: see `plivo.errors`
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, ClassVar

from masking.core.errors import MasklineError


class ProblemError(MasklineError):
    """A failure that the caller gets as a problem document (RFC 9457).

    *members* are extension members of the document, such as `violations` or
    `outcome`; *retry_after* is in seconds.
    """

    status: ClassVar[int] = HTTPStatus.INTERNAL_SERVER_ERROR
    code: ClassVar[str] = "internal_error"
    # Whether it is a failure of Plivo's: see `plivo.errors`.
    is_of_carrier: ClassVar[bool] = False
    # Counted beside the failure itself where an alarm of the template waits for it.
    metric: ClassVar[str | None] = None
    detail: ClassVar[str] = "Something went wrong on our side."

    def __init__(
        self,
        detail: str | None = None,
        *,
        retry_after: int | None = None,
        **members: Any,
    ) -> None:
        self.explanation = detail or self.detail
        self.retry_after = retry_after
        self.members = members
        super().__init__(self.explanation)


# What the caller sent


class MalformedBodyError(ProblemError):
    """The body is not the JSON object that it should be."""

    status = HTTPStatus.BAD_REQUEST
    code = "malformed_body"
    detail = "The body must be one JSON object in UTF-8."


class InvalidRequestError(ProblemError):
    """The request breaks rules; *violations* names each field and rule."""

    status = HTTPStatus.BAD_REQUEST
    code = "invalid_request"
    detail = "The request breaks the rules listed in violations."


class NumberInUrlError(ProblemError):
    """A phone number came in a query string, where logs would keep it."""

    status = HTTPStatus.BAD_REQUEST
    code = "number_in_url"
    detail = "Phone numbers belong in a body, never in a URL."


class WebhookRefusedError(ProblemError):
    """A callback did not prove that it came from Plivo. Says no more than that."""

    status = HTTPStatus.FORBIDDEN
    code = "webhook_refused"
    detail = "Refused."


class ScopeMissingError(ProblemError):
    """The key lacks the scope that the route needs."""

    status = HTTPStatus.FORBIDDEN
    code = "scope_missing"
    detail = "The key lacks the scope that this route needs."


class SessionNotFoundError(ProblemError):
    """The tenant has no such session."""

    status = HTTPStatus.NOT_FOUND
    code = "session_not_found"
    detail = "There is no such session."


class RecordingNotFoundError(ProblemError):
    """The tenant has no such recording, or it is past its retention."""

    status = HTTPStatus.NOT_FOUND
    code = "recording_not_found"
    detail = "There is no such recording."


class RecordingNotStoredError(ProblemError):
    """The recording is on its way into the bucket."""

    status = HTTPStatus.CONFLICT
    code = "recording_not_stored"
    detail = "The recording is not stored yet."


class RecordingFailedError(ProblemError):
    """The recording was not made, or could not be stored."""

    status = HTTPStatus.CONFLICT
    code = "recording_failed"
    detail = "The recording was not made, or could not be stored."


class RecordingHeldError(ProblemError):
    """The recording is under a legal hold."""

    status = HTTPStatus.CONFLICT
    code = "recording_held"
    detail = "The recording is under a legal hold."


class RecordingDeletedError(ProblemError):
    """The recording has been deleted."""

    status = HTTPStatus.GONE
    code = "recording_deleted"
    detail = "The recording has been deleted."


class DeliveryNotFoundError(ProblemError):
    """The tenant has no such delivery."""

    status = HTTPStatus.NOT_FOUND
    code = "delivery_not_found"
    detail = "There is no such delivery."


class ErasureNotFoundError(ProblemError):
    """The tenant has no such erasure, or it is no longer kept."""

    status = HTTPStatus.NOT_FOUND
    code = "erasure_not_found"
    detail = "There is no such erasure."


class SessionErasedError(ProblemError):
    """The session of this key was erased, or is past its retention."""

    status = HTTPStatus.GONE
    code = "session_erased"
    detail = (
        "The session of this Idempotency-Key was erased, or is past its retention. Use "
        "a new key for a new session."
    )


class CreateInProgressError(ProblemError):
    """Another request with the same key is being worked on."""

    status = HTTPStatus.CONFLICT
    code = "create_in_progress"
    detail = "A request with this Idempotency-Key is being worked on."


class CreateAbandonedError(ProblemError):
    """The key's create had no known outcome and must not be sent again."""

    status = HTTPStatus.CONFLICT
    code = "create_abandoned"
    detail = (
        "It was never known whether Plivo carried this request out, and sending it "
        "again could ring a phone twice. Use a new Idempotency-Key."
    )


class PairAlreadyActiveError(ProblemError):
    """Plivo answered with a session of this pair that is not ours to take."""

    status = HTTPStatus.CONFLICT
    code = "pair_already_active"
    detail = "This pair has an active session that was created elsewhere."


class SessionNotActiveError(ProblemError):
    """The session was never confirmed by Plivo."""

    status = HTTPStatus.CONFLICT
    code = "session_not_active"
    detail = "The session is not active."


class SessionExpiredError(ProblemError):
    """The session is over."""

    status = HTTPStatus.CONFLICT
    code = "session_expired"
    detail = "The session has expired."


class UpdateInProgressError(ProblemError):
    """Another update of the session is being worked on."""

    status = HTTPStatus.CONFLICT
    code = "update_in_progress"
    detail = "Another update of this session is being worked on."


class EndInProgressError(ProblemError):
    """Another request is ending the session."""

    status = HTTPStatus.CONFLICT
    code = "end_in_progress"
    detail = "Another request is ending this session."


class VersionMismatchError(ProblemError):
    """The session is not at the version that If-Match names."""

    status = HTTPStatus.PRECONDITION_FAILED
    code = "version_mismatch"
    detail = "The session has changed since the version that If-Match names."


class BodyTooLargeError(ProblemError):
    """The body is larger than any that we take."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    code = "body_too_large"
    detail = "The body is too large."


class IdempotencyKeyReusedError(ProblemError):
    """The key belongs to a request with another body."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    code = "idempotency_key_reused"
    detail = "This Idempotency-Key was used with another body."


class FieldNotUpdatableError(ProblemError):
    """An attribute that Plivo freezes at creation was to be changed."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    code = "field_not_updatable"
    detail = "The fields listed in violations cannot be changed once a session exists."


class QuotaExceededError(ProblemError):
    """A quota of the tenant is used up; *quota* names it, *limit* is how much it is."""

    status = HTTPStatus.TOO_MANY_REQUESTS
    code = "quota_exceeded"
    detail = "The quota of this tenant is used up."


class StorageUnavailableError(ProblemError):
    """AWS did not do what was asked of it."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    code = "storage_unavailable"
    detail = "Our storage is not available; try again."


NOT_CREATED = "not_created"
NOT_UPDATED = "not_updated"
NOT_EXPIRED = "not_expired"
UNKNOWN = "unknown"
