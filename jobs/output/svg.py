"""A path diagram as the text of an SVG file, by plain strings: lengths in points, y downwards."""

from __future__ import annotations

from html import escape
from math import hypot

from jobs.output.diagram import (
    ACCENT,
    BEND,
    FACTOR,
    FAINT,
    HEIGHT,
    INK,
    PAPER,
    QUIET,
    ROUNDER,
    SMALL_PRINT,
    VARIABLE,
    WIDTH,
    Arrow,
    Diagram,
    Point,
)

INCH = 72  # points
FONT = "DejaVu Sans, Verdana, sans-serif"
LINE = 1.2  # height of a line of text, in sizes of its letters
MIDDLE = 0.36  # from the middle of a line to its base, likewise
CORNER = 3  # radius
GAP = 3  # between the tip of an arrow and its node


def text(diagram: Diagram, description: str) -> str:
    """The file's text; `description` is read aloud to who does not see it."""
    width, height = diagram.size[0] * INCH, diagram.size[1] * INCH
    across = width / (diagram.upper[0] - diagram.lower[0])
    up = height / (diagram.upper[1] - diagram.lower[1])

    def placed(point: Point) -> Point:
        return (point[0] - diagram.lower[0]) * across, (diagram.upper[1] - point[1]) * up

    parts = [f'<rect width="{width:.2f}" height="{height:.2f}" fill="{PAPER}"/>']
    parts += [_arrow(arrow, placed(arrow.tail), placed(arrow.head)) for arrow in diagram.arrows]
    parts += [_label(arrow, placed(arrow.at)) for arrow in diagram.arrows]
    for node in diagram.nodes:
        (x, y), half, tall = placed((node.x, node.y)), WIDTH * across / 2, HEIGHT * up / 2
        if node.latent:
            place = f'ellipse cx="{x:.2f}" cy="{y:.2f}" rx="{half:.2f}" ry="{tall * ROUNDER:.2f}"'
        else:
            place = f'rect x="{x - half:.2f}" y="{y - tall:.2f}" rx="{CORNER}"'
            place += f' width="{2 * half:.2f}" height="{2 * tall:.2f}"'
        fill = FACTOR if node.latent else VARIABLE
        parts.append(f'<{place} fill="{fill}" stroke="{INK}" stroke-width="1.4"/>')
        parts += _lines(node.lines, (x, y), 10, INK)
    parts += _lines([diagram.title], (0.03 * width, 0.025 * height + 8), 12.5, INK, "bold", "start")
    parts += _lines([diagram.note], (0.03 * width, 0.975 * height - 5), 8.5, SMALL_PRINT, anchor="start")
    label = escape(description)
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{label}" width="{width:.2f}pt" '
        f'height="{height:.2f}pt" viewBox="0 0 {width:.2f} {height:.2f}" font-family="{FONT}">'
    )
    return "\n".join([head, f"<title>{label}</title>", *parts, "</svg>", ""])


def _arrow(arrow: Arrow, tail: Point, head: Point) -> str:
    """Its line, bent for a covariance, and its tips."""
    bend = BEND if arrow.covariance else 0.0
    via = (
        (tail[0] + head[0]) / 2 - bend * abs(head[1] - tail[1]),
        (tail[1] + head[1]) / 2,
    )
    size = 4.4 if arrow.covariance else 5.6
    color = ACCENT if arrow.significant else QUIET
    end, tip = _tip(via, head, size)
    start, tips = tail, [tip]
    if arrow.covariance:
        start, other = _tip(via, tail, size)
        tips.append(other)
    line = f"M {_pair(start)} Q {_pair(via)} {_pair(end)}" if bend else f"M {_pair(start)} L {_pair(end)}"
    thick = 2.0 if arrow.significant and not arrow.covariance else 1.2
    dashes = "" if arrow.significant else f' stroke-dasharray="{4 * thick:.1f} {3 * thick:.1f}"'
    drawn = f'<path d="{line}" fill="none" stroke="{color}" stroke-width="{thick}"{dashes}/>'
    return drawn + "".join(f'<path d="{tip}" fill="{color}"/>' for tip in tips)


def _tip(via: Point, point: Point, size: float) -> tuple[Point, str]:
    """Where the line from `via` to `point` ends, and the triangle of `size` that follows it."""
    length = hypot(point[0] - via[0], point[1] - via[1]) or 1.0
    x, y = (point[0] - via[0]) / length, (point[1] - via[1]) / length
    top = (point[0] - GAP * x, point[1] - GAP * y)
    foot = (top[0] - size * x, top[1] - size * y)
    left = (foot[0] - size / 2 * y, foot[1] + size / 2 * x)
    right = (foot[0] + size / 2 * y, foot[1] - size / 2 * x)
    return foot, f"M {_pair(top)} L {_pair(left)} L {_pair(right)} Z"


def _label(arrow: Arrow, at: Point) -> str:
    """The figure of an arrow, with a rim of paper that parts it from the lines below."""
    size = 9 if arrow.covariance else 10
    weight = "bold" if arrow.significant and not arrow.covariance else "normal"
    (line,) = _lines([arrow.label], at, size, ACCENT if arrow.significant else FAINT, weight)
    return line.replace("<text ", f'<text stroke="{PAPER}" stroke-width="4" paint-order="stroke" ', 1)


def _lines(
    lines: list[str], at: Point, size: float, color: str, weight: str = "normal", anchor: str = "middle"
) -> list[str]:
    """Lines of text around the height of `at`."""
    drawn = []
    for place, line in enumerate(lines):
        y = at[1] + size * (LINE * (place - (len(lines) - 1) / 2) + MIDDLE)
        drawn.append(
            f'<text x="{at[0]:.2f}" y="{y:.2f}" text-anchor="{anchor}" font-size="{size}" '
            f'font-weight="{weight}" fill="{color}">{escape(line)}</text>'
        )
    return drawn


def _pair(point: Point) -> str:
    return f"{point[0]:.2f} {point[1]:.2f}"
