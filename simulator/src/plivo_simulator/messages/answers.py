"""Read what a message URL answers: nothing, or XML with messages to send."""

from __future__ import annotations

from collections.abc import Mapping
from xml.etree import ElementTree

MAX_BYTES = 100_000
_XML = ("application/xml", "text/xml")
# What the attributes are called in a request to the API.
_NAMES = {
    "src": "src",
    "dst": "dst",
    "type": "type",
    "callbackUrl": "url",
    "callbackMethod": "method",
}


class BadAnswerError(Exception):
    """The document is not XML that Plivo would carry out; the text says why."""


def read_answer(text: str, content_type: str) -> list[Mapping[str, str]]:
    """Return the messages of an answer, as bodies of requests to send them.

    An answer that isn't called XML asks for nothing. Raise BadAnswerError.
    """
    if content_type.partition(";")[0].strip().lower() not in _XML or not text.strip():
        return []
    if len(text.encode()) > MAX_BYTES:
        raise BadAnswerError("the document is larger than 100 KB")
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise BadAnswerError("a document type is not allowed")
    try:
        # Entities can't be declared without a document type, refused above.
        root = ElementTree.fromstring(text)  # noqa: S314
    except ElementTree.ParseError:
        raise BadAnswerError("the document is not well-formed") from None
    if root.tag != "Response":
        raise BadAnswerError("the root is not Response")
    return [_message(element) for element in root]


def _message(element: ElementTree.Element) -> Mapping[str, str]:
    if element.tag != "Message":
        raise BadAnswerError(f"{element.tag} is not an answer to a message")
    if len(element):
        raise BadAnswerError("Message may hold text only")
    if unknown := set(element.attrib) - set(_NAMES):
        raise BadAnswerError(f"Message has no attribute {min(unknown)}")
    body = {_NAMES[name]: value for name, value in element.attrib.items()}
    return {**body, "text": (element.text or "").strip()}
