"""Write the table of Voice XML's elements for the documentation.

`python -m plivo_simulator.voice.element_table` prints it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .documents import defaults_of
from .element import Element
from .elements import ELEMENTS, NOT_SIMULATED

# Read and checked, because Plivo would; nothing of it is simulated.
NO_EFFECT = {
    "Wait": {"beep"},
    "GetDigits": {"log"},
    "GetInput": {
        *("log", "speechEndTimeout", "speechModel", "hints", "language"),
        *("interimSpeechResultsCallback", "interimSpeechResultsCallbackMethod"),
        "profanityFilter",
    },
    "Speak": {"voice", "language"},
    "Record": {
        *("transcriptionType", "transcriptionUrl"),
        *("transcriptionMethod", "transcriptionReportType"),
    },
    "Dial": {"callType"},
    "Number": {"sendOnPreanswer", "sendDigitsMode"},
    "User": {"sendOnPreanswer", "sipHeaders"},
    "Conference": {
        *("muted", "exitSound", "record", "recordFileFormat", "recordWhenAlone"),
        *("digitsMatch", "floorEvent", "relayDTMF", "sendDigits"),
        *("transcriptionType", "transcriptionUrl", "transcriptionMethod"),
    },
}


def element_table() -> str:
    """Return the table: each element, and each of its attributes."""
    lines = ["| Element | Attribute | Values | Default |", "|---|---|---|---|"]
    for name, kind in ELEMENTS.items():
        lines += _rows(name, kind)
    refused = "refused: not simulated"
    lines += [f"| `{name}` | | {refused} | |" for name in sorted(NOT_SIMULATED)]
    return "\n".join(lines) + "\n"


def _rows(name: str, kind: type[Element]) -> Iterator[str]:
    inside = [f"`{child}`" for child in sorted(kind.CHILDREN)]
    if kind.CONTENT is not None:
        inside.insert(0, _cell(kind.CONTENT.words))
    words = f"holds {', '.join(inside)}" if inside else "empty"
    if kind.SDK_CHILDREN:
        others = ", ".join(f"`{child}`" for child in sorted(kind.SDK_CHILDREN))
        words += f"; with the switch `nesting` also {others}"
    yield f"| `{name}` | | {words} | |"
    defaults = defaults_of(kind)
    for attribute, (field, rule) in kind.attributes().items():
        default = "required" if field in kind.NEEDED else _shown(defaults[attribute])
        idle = "; no effect" if attribute in NO_EFFECT.get(name, ()) else ""
        yield f"| | `{attribute}` | {_cell(rule.rule.words)}{idle} | {default} |"


def _cell(words: str) -> str:
    return words.replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*")


def _shown(default: Any) -> str:
    if default in ("", None) and default is not False:
        return ""
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


if __name__ == "__main__":  # pragma: no cover - prints what tests compare
    print(element_table(), end="")
