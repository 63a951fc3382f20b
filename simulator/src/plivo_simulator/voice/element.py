"""Define what every element of Voice XML has: attributes, text, children."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import ClassVar

from .attribute_rules import Attribute, Rule


@dataclass(frozen=True, slots=True, kw_only=True)
class Element:
    """An element: its text and its children, beside its attributes.

    CONTENT is the rule for the text, None where an element has none. CHILDREN may
    stand in it; SDK_CHILDREN are those that Plivo's SDKs let stand there beside.
    ASKS says whose hangup cause a bad URL or method has.
    """

    CONTENT: ClassVar[Rule | None] = None
    CHILDREN: ClassVar[frozenset[str]] = frozenset()
    SDK_CHILDREN: ClassVar[frozenset[str]] = frozenset()
    NEEDS_CHILD: ClassVar[bool] = False
    NEEDED: ClassVar[frozenset[str]] = frozenset()
    ASKS: ClassVar[str] = ""

    text: str = ""
    children: tuple[Element, ...] = ()

    @classmethod
    def attributes(cls) -> dict[str, tuple[str, Attribute]]:
        """Return each attribute by its name in XML, with the name of its field."""
        return {
            each.metadata["attribute"].name: (each.name, each.metadata["attribute"])
            for each in fields(cls)
            if "attribute" in each.metadata
        }
