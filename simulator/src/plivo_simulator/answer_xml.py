"""Read the XML with which a number's application answers a call.

The elements that end a call politely are supported: Speak, Play, Wait, GetDigits,
Redirect, PreAnswer, Hangup. Any other is refused like bad XML, because a simulator
that skips an element proves nothing about it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from xml.etree import ElementTree

MAX_BYTES = 100_000
WORDS_PER_SECOND = 2.5
_MAX_LOOPS = 50


class BadXmlError(Exception):
    """The document is not XML that Plivo would carry out; the text says why."""


@dataclass(frozen=True, slots=True)
class Speak:
    """Say *text*, which takes *seconds*."""

    text: str
    seconds: float


@dataclass(frozen=True, slots=True)
class PlayFile:
    """Play the audio at *url*."""

    url: str


@dataclass(frozen=True, slots=True)
class Wait:
    """Wait for *seconds*."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Redirect:
    """Go on with the document at *url*."""

    url: str
    method: str


@dataclass(frozen=True, slots=True)
class Hangup:
    """End the call; *reason* is `rejected`, `busy` or ""."""

    reason: str = ""


@dataclass(frozen=True, slots=True)
class GetDigits:
    """Ask for digits with *prompts* and go on with *action*'s document.

    Without input, the verbs after this one follow.
    """

    prompts: tuple[Speak | PlayFile | Wait, ...]
    action: str
    method: str
    seconds: float
    tries: int


Verb = Speak | PlayFile | Wait | Redirect | Hangup | GetDigits


def parse_answer(document: str, content_type: str) -> list[Verb]:
    """Return the verbs of *document* in order. Raise BadXmlError."""
    if content_type.partition(";")[0].strip() not in ("application/xml", "text/xml"):
        raise BadXmlError(f"content type {content_type or 'missing'} is not XML")
    if len(document.encode()) > MAX_BYTES:
        raise BadXmlError("the document is larger than 100 KB")
    if "<!DOCTYPE" in document or "<!ENTITY" in document:
        raise BadXmlError("a document type is not allowed")
    try:
        # Entities can't be declared without a document type, refused above.
        root = ElementTree.fromstring(document)  # noqa: S314
    except ElementTree.ParseError as problem:
        raise BadXmlError(f"not well-formed: {problem}") from None
    if root.tag != "Response":
        raise BadXmlError("the root element must be Response")
    return [verb for element in root for verb in _verbs(element)]


def _verbs(element: ElementTree.Element) -> Iterator[Verb]:
    match element.tag:
        case "Speak" | "Play" | "Wait":
            yield from _sounds(element)
        case "PreAnswer":
            for child in element:
                yield from _sounds(child)
        case "Redirect":
            url = _text(element)
            if not url:
                raise BadXmlError("Redirect needs a URL")
            yield Redirect(url, element.get("method", "POST").upper())
        case "Hangup":
            yield Hangup(element.get("reason", ""))
        case "GetDigits":
            prompts = tuple(sound for child in element for sound in _sounds(child))
            yield GetDigits(
                prompts,
                element.get("action", ""),
                element.get("method", "POST").upper(),
                _number(element.attrib, "timeout", 5),
                int(_number(element.attrib, "retries", 1)),
            )
        case other:
            raise BadXmlError(f"the simulator does not support {other}")


def _sounds(element: ElementTree.Element) -> Iterator[Speak | PlayFile | Wait]:
    loops = int(_number(element.attrib, "loop", 1)) or _MAX_LOOPS
    for _ in range(min(loops, _MAX_LOOPS)):
        match element.tag:
            case "Speak":
                text = _text(element)
                yield Speak(text, len(text.split()) / WORDS_PER_SECOND)
            case "Play":
                if not (url := _text(element)):
                    raise BadXmlError("Play needs a URL")
                yield PlayFile(url)
            case "Wait":
                yield Wait(_number(element.attrib, "length", 1))
            case other:
                raise BadXmlError(f"{other} can't stand here")


def _text(element: ElementTree.Element) -> str:
    return " ".join("".join(element.itertext()).split())


def _number(attributes: Mapping[str, str], name: str, default: float) -> float:
    try:
        value = float(attributes.get(name, default))
    except ValueError:
        raise BadXmlError(f"{name} must be a number") from None
    if not 0 <= value <= 3600:
        raise BadXmlError(f"{name} must be between 0 and 3600")
    return value
