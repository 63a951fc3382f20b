"""The bodies of requests: fields, types, ranges, defaults.

Attributes and defaults are those of Plivo's masking page.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from masking.api.fields import (
    Audio,
    AudioFormat,
    Labels,
    Method,
    PhoneNumber,
    Pin,
    RetentionDays,
    Seconds,
    Subaccount,
    WebAddress,
)


class Body(BaseModel):
    """A JSON body: no unknown fields, no conversion of types."""

    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)


class CreateSessionRequest(Body):
    """A masking session as an app asks for it; attributes as on Plivo's page."""

    first_party: PhoneNumber | None = None
    second_party: PhoneNumber | None = None
    session_expiry: Seconds = 3600
    call_time_limit: Seconds = 3600
    ring_timeout: Seconds = 120
    record: bool = False
    record_file_format: AudioFormat = "mp3"
    recording_retention_days: RetentionDays | None = None
    recording_callback_url: WebAddress | None = None
    recording_callback_method: Method = "POST"
    callback_url: WebAddress | None = None
    callback_method: Method = "POST"
    initiate_call_to_first_party: bool = False
    first_party_play_url: Audio | None = None
    second_party_play_url: Audio | None = None
    geomatch: bool = True
    subaccount: Subaccount | None = None
    is_pin_authentication_required: bool = False
    generate_pin: bool = False
    generate_pin_length: Annotated[int, Field(ge=4, le=15)] = 4
    first_party_pin: Pin | None = None
    second_party_pin: Pin | None = None
    pin_prompt_play: Audio | None = None
    pin_retry: Annotated[int, Field(ge=0, le=5)] = 1
    pin_retry_wait: Annotated[int, Field(ge=5, le=10)] = 5
    incorrect_pin_play: Audio | None = None
    unknown_caller_play: Audio | None = None
    create_session_with_single_party: bool = False
    virtual_number_cooloff_period: Annotated[int, Field(ge=0, le=3600)] = 0
    force_pin_authentication: bool = False
    labels: Labels = Field(default_factory=dict)


class UpdateSessionRequest(Body):
    """The changes of a session that exists; an absent field stays as it is.

    `session_expiry` counts from the moment of the update, as at Plivo.
    """

    first_party: PhoneNumber | None = None
    second_party: PhoneNumber | None = None
    session_expiry: Seconds | None = None
    call_time_limit: Seconds | None = None
    ring_timeout: Seconds | None = None
    record: bool | None = None
    record_file_format: AudioFormat | None = None
    recording_callback_url: WebAddress | None = None
    recording_callback_method: Method | None = None
    callback_url: WebAddress | None = None
    callback_method: Method | None = None
    first_party_play_url: Audio | None = None
    second_party_play_url: Audio | None = None


class ErasureRequest(Body):
    """The number to erase: all that the tenant has of it goes."""

    phone_number: PhoneNumber
