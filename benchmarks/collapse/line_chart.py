"""Lines in, an SVG picture out: by hand, since two panels of lines need no plotting library."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from math import floor, log10

WIDTH, HEIGHT, MARGIN = 420, 260, 46
COLOURS = {"replace": "#c2410c", "accumulate": "#0f766e"}


@dataclass(frozen=True)
class Line:
    """Values from x = ``first`` on, with half-widths of their intervals; dashed for a theory."""

    name: str
    values: Sequence[float]
    intervals: Sequence[float] = ()
    first: int = 1
    is_dashed: bool = False


@dataclass(frozen=True)
class Panel:
    title: str
    across: str
    lines: Sequence[Line]


def draw_panels(panels: Sequence[Panel]) -> str:
    """The panels side by side as one SVG document."""
    parts = [
        f'<g transform="translate({place * WIDTH},0)">{_draw(panel)}</g>'
        for place, panel in enumerate(panels)
    ]
    size = f'width="{WIDTH * len(panels)}" height="{HEIGHT}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="11">\n'
        f'<rect {size} fill="white"/>\n' + "\n".join(parts) + "\n</svg>\n"
    )


def round_ticks(most: float, count: int = 7) -> list[float]:
    """At most ``count`` steps from 0 up to ``most``, each 1, 2 or 5 of a power of ten."""
    power = 10.0 ** floor(log10(most / count))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power * count >= most)
    return [round(step * n, 12) for n in range(floor(most / step + 1e-9) + 1)]


def _draw(panel: Panel) -> str:
    top = max(max(line.values) for line in panel.lines) * 1.1
    last = max(line.first + len(line.values) - 1 for line in panel.lines)
    low = min(line.first for line in panel.lines)

    def at(x: float, y: float) -> tuple[float, float]:
        across = (x - low) / max(last - low, 1) * (WIDTH - 2 * MARGIN) + MARGIN
        return across, HEIGHT - MARGIN - y / top * (HEIGHT - 2 * MARGIN)

    parts = [
        f'<text x="{WIDTH / 2:.0f}" y="20" text-anchor="middle">{escape(panel.title)}</text>',
        f'<text x="{WIDTH / 2:.0f}" y="{HEIGHT - 10}" text-anchor="middle">'
        f"{escape(panel.across)}</text>",
    ]
    for y in round_ticks(top):
        x0, place = at(low, y)
        parts.append(
            f'<line x1="{x0:.1f}" x2="{WIDTH - MARGIN}" y1="{place:.1f}" y2="{place:.1f}" '
            f'stroke="#ddd"/><text x="{x0 - 6:.1f}" y="{place + 4:.1f}" text-anchor="end">{y:g}'
            "</text>"
        )
    for x in range(low, last + 1):
        across, y0 = at(x, 0)
        parts.append(f'<text x="{across:.1f}" y="{y0 + 16:.1f}" text-anchor="middle">{x}</text>')
    for line in panel.lines:
        parts.append(_line(line, at))
    return "".join(parts)


def _line(line: Line, at) -> str:
    colour = next((c for word, c in COLOURS.items() if word in line.name), "#444")
    points = [at(line.first + place, value) for place, value in enumerate(line.values)]
    drawn = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    dash = ' stroke-dasharray="4 3"' if line.is_dashed else ""
    parts = [f'<polyline points="{drawn}" fill="none" stroke="{colour}" stroke-width="1.6"{dash}/>']
    for place, width in enumerate(line.intervals):
        value = line.values[place]
        (x, low), (_, high) = (at(line.first + place, value + by) for by in (-width, width))
        parts.append(
            f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{low:.1f}" y2="{high:.1f}" stroke="{colour}"/>'
        )
    if not line.is_dashed:
        x, y = points[-1]
        parts.append(
            f'<text x="{x:.1f}" y="{y - 6:.1f}" text-anchor="end" fill="{colour}">'
            f"{escape(line.name)}</text>"
        )
    return "".join(parts)
