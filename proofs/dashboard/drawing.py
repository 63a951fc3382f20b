"""Draw a dashboard as SVG, as CloudWatch lays it out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape

from proofs.alarms.evaluation import State
from proofs.alarms.history import History, Values
from proofs.dashboard.definition import Line, Widget
from proofs.plots import COLORS, polyline

# Pixels of a column and of a row of the grid, and between what is in it.
COLUMN, ROW, GAP = 56, 40, 8

# Height of a title, of a line of a legend, and the width that scales need.
TITLE, LEGEND, SCALE = 22, 13, 46

# Lines that a legend names; those with most to show come first.
NAMED = 6

OF_STATE = {State.OK: "#2ca02c", State.ALARM: "#d62728"}
UNKNOWN = "#7f7f7f"
COLUMNS_OF_ALARMS = 5


def picture(
    widgets: Sequence[Widget],
    history: History,
    states: Mapping[str, State],
    end: float,
    minutes: int,
) -> str:
    """Return the dashboard for the last *minutes* before *end*, in seconds.

    *states* are those of the alarms at the end.
    """
    width = max(each.x + each.width for each in widgets) * COLUMN
    height = max(each.y + each.height for each in widgets) * ROW
    drawn = [
        piece
        for widget in widgets
        for piece in (
            _alarms(widget, states)
            if widget.alarms
            else _graph(widget, history, end, minutes)
        )
    ]
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'font-family="sans-serif" font-size="11">'
    )
    ground = f'<rect width="{width}" height="{height}" fill="#f2f3f3"/>'
    return "\n".join([head, ground, *drawn, "</svg>", ""])


def has_data(widget: Widget, history: History, end: float, minutes: int) -> bool:
    """Return whether a graph has a value to show."""
    return any(
        value is not None
        for _, values in _series(widget, history, end, minutes)
        for value in values
    )


def _series(
    widget: Widget, history: History, end: float, minutes: int
) -> list[tuple[Line, Values]]:
    return [
        (line, history.read(line.metric, end, minutes * 60 // line.metric.period))
        for line in widget.lines(history)
    ]


def _box(widget: Widget) -> tuple[float, float, float, float]:
    return (
        widget.x * COLUMN + GAP / 2,
        widget.y * ROW + GAP / 2,
        widget.width * COLUMN - GAP,
        widget.height * ROW - GAP,
    )


def _frame(widget: Widget) -> Iterator[str]:
    x, y, width, height = _box(widget)
    yield (
        f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="4" '
        f'fill="white" stroke="#d5dbdb"/>'
    )
    yield (
        f'<text x="{x + 10}" y="{y + 16}" font-weight="bold">'
        f"{escape(widget.title)}</text>"
    )


def _alarms(widget: Widget, states: Mapping[str, State]) -> Iterator[str]:
    yield from _frame(widget)
    x, y, width, height = _box(widget)
    rows = -(-len(widget.alarms) // COLUMNS_OF_ALARMS)
    step = (height - TITLE - 6) / rows
    for number, name in enumerate(widget.alarms):
        left = x + 10 + number // rows * (width - 20) / COLUMNS_OF_ALARMS
        top = y + TITLE + (number % rows + 0.7) * step
        color = OF_STATE.get(states.get(name, State.INSUFFICIENT_DATA), UNKNOWN)
        shown = name.removesuffix("Alarm")
        yield f'<circle cx="{left + 4}" cy="{top - 4}" r="4" fill="{color}"/>'
        yield f'<text x="{left + 12}" y="{top}">{escape(shown)}</text>'


def _graph(widget: Widget, history: History, end: float, minutes: int) -> Iterator[str]:
    yield from _frame(widget)
    series = _series(widget, history, end, minutes)
    known = {
        place: [value for value in values if value is not None]
        for place, (_, values) in enumerate(series)
    }
    x, y, width, height = _box(widget)
    named = sorted(known, key=lambda place: -max(known[place], default=-1))[:NAMED]
    legend = -(-len(named) // 2) * LEGEND + 6
    left, right = x + SCALE, x + width - 12
    top, bottom = y + TITLE + 6, y + height - legend - 8
    highest = max((max(values, default=0) for values in known.values()), default=0) or 1
    for share in (0, 0.5, 1):
        level = bottom - (bottom - top) * share
        yield (
            f'<line x1="{left}" y1="{level}" x2="{right}" y2="{level}" '
            f'stroke="#eaeded"/>'
        )
        yield (
            f'<text x="{left - 5}" y="{level + 4}" text-anchor="end" fill="#687078" '
            f'font-size="10">{_short(highest * share)}</text>'
        )
    for place, (_, values) in enumerate(series):
        color = COLORS[place % len(COLORS)]
        step = (right - left) / max(len(values) - 1, 1)
        points = [
            (left + number * step, bottom - (bottom - top) * value / highest)
            for number, value in enumerate(values)
            if value is not None
        ]
        yield from polyline(points, color)
    for number, place in enumerate(named):
        across = left + number % 2 * (right - left) / 2
        down = bottom + 14 + number // 2 * LEGEND
        color = COLORS[place % len(COLORS)]
        yield f'<rect x="{across}" y="{down - 7}" width="8" height="8" fill="{color}"/>'
        label = escape(series[place][0].label)
        yield f'<text x="{across + 12}" y="{down}" font-size="10">{label}</text>'
    if len(series) > NAMED:
        yield (
            f'<text x="{right}" y="{y + 16}" text-anchor="end" fill="#687078" '
            f'font-size="10">and {len(series) - NAMED} more</text>'
        )


def _short(value: float) -> str:
    if value >= 10_000:
        return f"{value / 1000:,.0f}k"
    return f"{value:.0f}" if value >= 10 or value == int(value) else f"{value:.1f}"
