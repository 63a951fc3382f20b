"""Draw lines over two axes as SVG."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from html import escape

WIDTH, HEIGHT = 720, 360
LEFT, RIGHT, TOP, BOTTOM = 72, 20, 44, 46
LEGEND = 18

COLORS = (
    *("#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd", "#8c564b"),
    *("#e377c2", "#7f7f7f", "#bcbd22", "#17becf"),
)
GRAY = "#687078"

# An axis whose values lie further apart than this, as a ratio, is logarithmic.
LINEAR = 30

Points = Sequence[tuple[float, float]]


class Axis:
    """Where a value stands on an axis, as a share of its length, and its ticks."""

    def __init__(self, values: Sequence[float]) -> None:
        least, most = min(values), max(values)
        self.logarithmic = least > 0 and most / least > LINEAR
        if self.logarithmic:
            self._low, self._high = _decades(least, most)
            decades = range(round(self._low), round(self._high) + 1)
            self.ticks = [10.0**each for each in decades]
        else:
            step = _step(max(most, 0) - min(least, 0))
            first, last = math.floor(min(least, 0) / step), math.ceil(most / step)
            self.ticks = [step * each for each in range(first, max(last, 1) + 1)]
            self._low, self._high = self.ticks[0], self.ticks[-1]

    def share(self, value: float) -> float:
        """Return where *value* stands, from 0 to 1."""
        place = math.log10(value) if self.logarithmic else value
        return (place - self._low) / (self._high - self._low)


def plot(title: str, lines: Mapping[str, Points]) -> str:
    """Return a plot of *lines*.

    *title* may name the axes: "what is shown: y by x".
    """
    across = Axis([x for points in lines.values() for x, _ in points])
    up = Axis([y for points in lines.values() for _, y in points])
    rows = math.ceil(len(lines) / 3)
    height = HEIGHT + rows * LEGEND
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM

    def place(x: float, y: float) -> tuple[float, float]:
        return (
            LEFT + across.share(x) * (right - LEFT),
            bottom - up.share(y) * (bottom - TOP),
        )

    drawn = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        'font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
        f'<text x="{LEFT}" y="24" font-size="15" font-weight="bold">'
        f"{escape(title)}</text>",
    ]
    for tick in up.ticks:
        y = bottom - up.share(tick) * (bottom - TOP)
        drawn += _rule(LEFT, y, right, y)
        drawn.append(_text(LEFT - 8, y + 4, short(tick), "end"))
    for tick in across.ticks:
        x = LEFT + across.share(tick) * (right - LEFT)
        drawn += _rule(x, bottom, x, bottom + 5)
        drawn.append(_text(x, bottom + 20, short(tick), "middle"))
    for number, (name, points) in enumerate(lines.items()):
        color = COLORS[number % len(COLORS)]
        placed = [place(x, y) for x, y in sorted(points)]
        drawn += polyline(placed, color)
        drawn += [
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{color}"/>'
            for x, y in placed
        ]
        x = LEFT + number % 3 * (right - LEFT) / 3
        y = HEIGHT - 6 + number // 3 * LEGEND
        drawn.append(
            f'<rect x="{x:.0f}" y="{y}" width="10" height="10" fill="{color}"/>'
        )
        drawn.append(_text(x + 15, y + 9, name, "start", "#000"))
    return "\n".join([*drawn, "</svg>", ""])


def polyline(points: Points, color: str) -> Iterator[str]:
    """Yield a line through *points*; one alone is a dot."""
    if len(points) == 1:
        [(x, y)] = points
        yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2" fill="{color}"/>'
    elif points:
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        yield (
            f'<polyline points="{path}" fill="none" stroke="{color}" '
            f'stroke-width="1.5"/>'
        )


def short(value: float) -> str:
    """Return a value of a tick in few characters."""
    for least, unit in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= least:
            scaled = value / {"G": 1e9, "M": 1e6, "k": 1e3}[unit]
            return f"{scaled:,.4g}{unit}"
    return f"{value:,.4g}"


def _decades(least: float, most: float) -> tuple[float, float]:
    low, high = math.floor(math.log10(least)), math.ceil(math.log10(most))
    return low, max(high, low + 1)


def _step(length: float) -> float:
    """Return a step of 1, 2 or 5 times a power of ten, of which four or more fit."""
    rough = (length or 1) / 4
    power = 10.0 ** math.floor(math.log10(rough))
    return max(each * power for each in (1, 2, 5) if each * power <= rough)


def _rule(x1: float, y1: float, x2: float, y2: float) -> list[str]:
    return [
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" '
        'stroke="#d5dbdb"/>'
    ]


def _text(x: float, y: float, text: str, anchor: str, color: str = GRAY) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{color}">'
        f"{escape(text)}</text>"
    )
