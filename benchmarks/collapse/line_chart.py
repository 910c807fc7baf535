"""Lines in, an SVG picture out: by hand, since a few panels of lines need no plotting library."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from itertools import zip_longest
from math import floor, log10

WIDTH, HEIGHT, MARGIN = 420, 270, 46
COLUMNS = 2
COLOURS = {"replace": "#c2410c", "accumulate": "#0f766e"}
OTHER = "#444"
TITLE_Y, LEGEND_Y, TOP = 20, 38, 54


@dataclass(frozen=True)
class Line:
    """Values from x = ``first`` on, with half-widths of their intervals; dashed for a theory or a
    limit, with a cross at its end where it was stopped. name: that of its colour, or none."""

    name: str
    values: Sequence[float]
    intervals: Sequence[float] = ()
    first: int = 1
    is_dashed: bool = False
    is_stopped: bool = False


@dataclass(frozen=True)
class Panel:
    """note: what dashes and crosses mean, beside the names of the colours."""

    title: str
    across: str
    lines: Sequence[Line]
    note: str = ""


def draw_panels(panels: Sequence[Panel]) -> str:
    """The panels as one SVG document, two beside each other."""
    parts = [
        f'<g transform="translate({place % COLUMNS * WIDTH},{place // COLUMNS * HEIGHT})">'
        f"{_draw(panel)}</g>"
        for place, panel in enumerate(panels)
    ]
    rows = -(-len(panels) // COLUMNS)
    size = f'width="{WIDTH * min(len(panels), COLUMNS)}" height="{HEIGHT * rows}"'
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
    top = 1.05 * max(_highest(line) for line in panel.lines)
    last = max(line.first + len(line.values) - 1 for line in panel.lines)
    low = min(line.first for line in panel.lines)

    def at(x: float, y: float) -> tuple[float, float]:
        across = (x - low) / max(last - low, 1) * (WIDTH - 2 * MARGIN) + MARGIN
        return across, HEIGHT - MARGIN - y / top * (HEIGHT - MARGIN - TOP)

    parts = [
        _text(WIDTH / 2, TITLE_Y, panel.title, "middle"),
        _text(WIDTH / 2, HEIGHT - 10, panel.across, "middle"),
        _legend(panel),
    ]
    for y in round_ticks(top):
        x0, place = at(low, y)
        parts.append(
            f'<line x1="{x0:.1f}" x2="{WIDTH - MARGIN}" y1="{place:.1f}" y2="{place:.1f}" '
            f'stroke="#ddd"/>{_text(x0 - 6, place + 4, f"{y:g}", "end")}'
        )
    for x in range(low, last + 1):
        across, y0 = at(x, 0)
        parts.append(_text(across, y0 + 16, str(x), "middle"))
    for line in panel.lines:
        parts.append(_line(line, at))
    return "".join(parts)


def _highest(line: Line) -> float:
    return max(value + by for value, by in zip_longest(line.values, line.intervals, fillvalue=0.0))


def _legend(panel: Panel) -> str:
    """The names of the colours that are drawn, then the note."""
    names = {_named(line) for line in panel.lines}
    words = [(name, colour) for name, colour in COLOURS.items() if name in names]
    words += [(panel.note, OTHER)] if panel.note else []
    spans = "".join(
        f'<tspan fill="{colour}" dx="{12 if place else 0}">{escape(word)}</tspan>'
        for place, (word, colour) in enumerate(words)
    )
    return f'<text x="{MARGIN}" y="{LEGEND_Y}">{spans}</text>'


def _named(line: Line) -> str | None:
    return next((name for name in COLOURS if name in line.name), None)


def _line(line: Line, at: Callable[[float, float], tuple[float, float]]) -> str:
    colour = COLOURS.get(_named(line) or "", OTHER)
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
    if line.is_stopped:
        x, y = points[-1]
        parts.append(
            f'<path d="M{x - 5:.1f} {y - 5:.1f}l10 10m0 -10l-10 10" stroke="{colour}" '
            'stroke-width="2"/>'
        )
    return "".join(parts)


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
