"""Read the documents with which an application directs a call.

What Plivo would not carry out is refused, with the hangup cause that it has for that;
where nobody knows what Plivo does, a switch decides. Entities can't be declared,
because a document type is refused before the document is parsed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any
from xml.etree import ElementTree

from ..rules.model import Cause
from ..switches import Switches
from .causes import BAD_METHOD, BAD_URL, BAD_XML
from .element import Element
from .elements import ELEMENTS, NOT_SIMULATED
from .flow_elements import Speak

MAX_BYTES = 100_000
KINDS = ("application/xml", "text/xml")
# The languages of the voices WOMAN and MAN; others need a voice of Polly's.
OWN_LANGUAGES = frozenset(
    {
        *("da-DK", "de-DE", "en-AU", "en-GB", "en-US", "es-ES", "es-US", "fr-CA"),
        *("fr-FR", "it-IT", "nl-NL", "pl-PL", "pt-BR", "pt-PT", "ru-RU", "sv-SE"),
    }
)
_PAUSES = {"x-weak": 0.25, "weak": 0.5, "medium": 0.75, "strong": 1.0, "x-strong": 1.25}
_SSML = frozenset(
    {
        *("break", "cont", "emphasis", "lang", "p", "phoneme", "prosody", "s"),
        *("say-as", "sub", "w"),
    }
)


class BadXmlError(Exception):
    """Plivo would not carry the document out; the text says why.

    *cause* is the hangup cause of a URL or a method, None for all that is bad XML.
    """

    def __init__(self, text: str, cause: Cause | None = None) -> None:
        super().__init__(text)
        self.cause = cause

    def ends_with(self, asked_by: str) -> Cause:
        """Return the hangup cause of a document that *asked_by* had asked for."""
        return self.cause or BAD_XML[asked_by]


@dataclass(frozen=True, slots=True)
class Reading:
    """How what nobody has documented is read."""

    skips_unknown_elements: bool = False
    ignores_unknown_attributes: bool = False
    defaults_bad_values: bool = False
    nests_as_sdks: bool = False

    @classmethod
    def by(cls, switches: Switches) -> Reading:
        """Return the reading that *switches* choose."""
        return cls(
            skips_unknown_elements=switches["unknown_elements"] == "skipped",
            ignores_unknown_attributes=switches["unknown_attributes"] == "ignored",
            defaults_bad_values=switches["bad_values"] == "default",
            nests_as_sdks=switches["nesting"] == "sdk",
        )


STRICT = Reading()


def read_document(
    text: str, content_type: str, reading: Reading = STRICT
) -> tuple[Element, ...]:
    """Return the elements of the document *text* in order. Raise BadXmlError."""
    if content_type.partition(";")[0].strip().lower() not in KINDS:
        raise BadXmlError(f"content type {content_type or 'missing'} is not XML")
    if len(text.encode()) > MAX_BYTES:
        raise BadXmlError("the document is larger than 100 KB")
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise BadXmlError("a document type is not allowed")
    try:
        # Entities can't be declared without a document type, refused above.
        root = ElementTree.fromstring(text)  # noqa: S314
    except (ElementTree.ParseError, ValueError) as problem:
        raise BadXmlError(f"not well-formed: {problem}") from None
    if root.tag != "Response":
        raise BadXmlError("the root element must be Response")
    return _Reader(reading).element(root).children


class _Reader:
    def __init__(self, reading: Reading) -> None:
        self._reading = reading

    def element(self, node: ElementTree.Element) -> Element:
        kind = ELEMENTS[node.tag]
        values = dict(self._attributes(node, kind))
        if missing := sorted(kind.NEEDED - values.keys()):
            raise BadXmlError(f"{node.tag} needs {missing[0]}")
        children = tuple(self._children(node, kind))
        if kind.NEEDS_CHILD and not children:
            raise BadXmlError(f"{node.tag} needs {' or '.join(sorted(kind.CHILDREN))}")
        if kind is Speak:
            self._check_language(values)
            values["pauses"] = _pauses(node)
        return kind(text=_text(node, kind), children=children, **values)

    def _check_language(self, values: dict[str, Any]) -> None:
        """Refuse a language that Plivo's own two voices don't speak."""
        own_voice = values.get("voice", "WOMAN") in ("WOMAN", "MAN")
        language = values.get("language", "en-US")
        if own_voice and language not in OWN_LANGUAGES:
            if not self._reading.defaults_bad_values:
                raise BadXmlError(f"{language} is spoken by Polly voices alone")
            del values["language"]

    def _children(
        self, node: ElementTree.Element, kind: type[Element]
    ) -> Iterator[Element]:
        if kind is Speak:
            if other := {each.tag for each in node.iter()} - _SSML - {"Speak"}:
                raise BadXmlError(f"{min(other)} can't stand in Speak")
            return
        sdks = kind.SDK_CHILDREN if self._reading.nests_as_sdks else frozenset()
        for child in node:
            if child.tag in kind.CHILDREN | sdks:
                yield self.element(child)
            elif child.tag in NOT_SIMULATED:
                raise BadXmlError(f"the simulator does not support {child.tag}")
            elif child.tag in ELEMENTS or not self._reading.skips_unknown_elements:
                raise BadXmlError(f"{child.tag} can't stand in {node.tag}")

    def _attributes(
        self, node: ElementTree.Element, kind: type[Element]
    ) -> Iterator[tuple[str, Any]]:
        known = kind.attributes()
        for name, text in node.attrib.items():
            if name not in known:
                if self._reading.ignores_unknown_attributes:
                    continue
                raise BadXmlError(f"{node.tag} has no attribute {name}")
            field, attribute = known[name]
            try:
                yield field, attribute.rule.read(text)
            except ValueError as problem:
                if self._reading.defaults_bad_values and field not in kind.NEEDED:
                    continue
                words = f"{name} of {node.tag} {problem}"
                raise BadXmlError(
                    words, _cause(kind, field, attribute.rule.kind)
                ) from (None)


def _cause(kind: type[Element], field: str, rule: str) -> Cause | None:
    """Return the cause that Plivo has for a bad `action` or `method` of *kind*."""
    if rule == "url" and field in ("action", "text"):
        return BAD_URL.get(kind.ASKS)
    return BAD_METHOD.get(kind.ASKS) if field == "method" else None


def _text(node: ElementTree.Element, kind: type[Element]) -> str:
    if kind.CONTENT is None:
        if (node.text or "").strip() or any((c.tail or "").strip() for c in node):
            raise BadXmlError(f"{node.tag} can't have text")
        return ""
    text = " ".join("".join(node.itertext()).split())
    try:
        read: str = kind.CONTENT.read(text)
    except ValueError as problem:
        words = f"the text of {node.tag} {problem}"
        raise BadXmlError(words, _cause(kind, "text", kind.CONTENT.kind)) from None
    return read


def _pauses(node: ElementTree.Element) -> float:
    return sum(_pause(each) for each in node.iter("break"))


def _pause(node: ElementTree.Element) -> float:
    time = node.get("time", "")
    number, is_short = time.removesuffix("ms"), time.endswith("ms")
    try:
        seconds = float(number.removesuffix("s")) / (1000 if is_short else 1)
    except ValueError:
        return _PAUSES.get(node.get("strength", "medium"), 0.0)
    return min(max(seconds, 0.0), 10.0)


def defaults_of(kind: type[Element]) -> dict[str, Any]:
    """Return the default of each attribute of *kind*, by its name in XML."""
    by_field = {each.name: each.default for each in fields(kind)}
    return {name: by_field[field] for name, (field, _) in kind.attributes().items()}
