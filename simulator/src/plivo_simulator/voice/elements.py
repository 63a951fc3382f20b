"""List the elements of Voice XML: each class is one, and documents are read by them.

The table of elements in the documentation is made of these definitions, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .dial_elements import Conference, Dial, Number, User
from .element import Element
from .flow_elements import (
    Dtmf,
    GetDigits,
    GetInput,
    Hangup,
    Message,
    Play,
    PreAnswer,
    Record,
    Redirect,
    Speak,
    Wait,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Response(Element):
    """The root of a document."""

    CHILDREN = frozenset(
        {
            *("Speak", "Play", "Wait", "Redirect", "Hangup", "GetDigits", "GetInput"),
            *("Record", "Dial", "Message", "DTMF", "PreAnswer", "Conference"),
        }
    )


ELEMENTS: Mapping[str, type[Element]] = {
    "Response": Response,
    "Speak": Speak,
    "Play": Play,
    "Wait": Wait,
    "Redirect": Redirect,
    "Hangup": Hangup,
    "GetDigits": GetDigits,
    "GetInput": GetInput,
    "Record": Record,
    "Dial": Dial,
    "Number": Number,
    "User": User,
    "Message": Message,
    "DTMF": Dtmf,
    "PreAnswer": PreAnswer,
    "Conference": Conference,
}
# Plivo has them and the simulator has not: a document with one of them is refused.
NOT_SIMULATED = frozenset({"MultiPartyCall", "Stream"})
