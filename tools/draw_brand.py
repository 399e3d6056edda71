"""Draw the book's mark, seven dots that settle along a spiral: logo, favicon, social card, cover.

Run it from the repository's top: python -m tools.draw_brand. The results are committed.
"""

import math

from tools.steps import ROOT

STATIC = ROOT / "chapters" / "_static"
COLOURS = ["#8a8f98", "#7a7fb8", "#5a78c8", "#2f74c0", "#1f86a8", "#178f86", "#c2570c"]
TITLE = "Seven Conditions"
SUBTITLE = ["When a network that settles", "computes the gradient of backprop"]


LAST_LINE = "An interactive textbook and its NumPy library"


def spiral(turns=1.45, inner=0.22, start=2.6):
    """Line and seven dots of the spiral, in the unit disc, from outside to the fixed point."""

    def at(s):
        radius = inner**s
        angle = start + 2 * math.pi * turns * s
        return 0.86 * radius * math.cos(angle), 0.86 * radius * math.sin(angle)

    line = [at(s / 80) for s in range(161)]
    return line, [at(s / 5) for s in range(6)] + [(0.0, 0.0)]


def mark(size):
    """The mark as SVG elements in a square of `size`."""
    line, dots = spiral()
    half = size / 2
    place = [(half * (1 + x), half * (1 + y)) for x, y in line]
    path = "M" + " L".join(f"{x:.1f} {y:.1f}" for x, y in place)
    radii = [0.115, 0.105, 0.095, 0.085, 0.075, 0.065, 0.085]
    stroke = f'stroke="#8a8f98" stroke-width="{size * 0.022:.1f}" opacity=".65"'
    circles = [
        f'<circle cx="{half + half * x:.1f}" cy="{half + half * y:.1f}" r="{half * r:.1f}" '
        f'fill="{colour}"/>'
        for (x, y), r, colour in zip(dots, radii, COLOURS, strict=True)
    ]
    return "\n".join([f'<path d="{path}" fill="none" {stroke}/>', *circles])


def svg(size):
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size} {size}" role="img" '
        f'aria-label="Seven dots settling along a spiral">\n{mark(size)}\n</svg>\n'
    )


def card():
    """The picture shown where a link to the book is shared, 1200 by 630."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 6.3), dpi=100, facecolor="#fbfaf7")
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0.03, 0.06, 0.46, 0.88))
    line, dots = spiral()
    axes.plot(*zip(*line, strict=True), color="#8a8f98", lw=4, alpha=0.6, zorder=1)
    sizes = [2300, 1900, 1600, 1300, 1000, 750, 1300]
    axes.scatter(*zip(*dots, strict=True), s=sizes, c=COLOURS, zorder=2)
    axes.set(xlim=(-1.05, 1.05), ylim=(1.05, -1.05), aspect="equal")
    axes.axis("off")
    figure.text(0.5, 0.56, TITLE, fontsize=40, color="#1d2430", weight="bold")
    for row, words in enumerate(SUBTITLE):
        figure.text(0.502, 0.44 - 0.085 * row, words, fontsize=19.5, color="#4a5260")
    figure.text(0.502, 0.2, LAST_LINE, fontsize=14, color="#6a7280")
    figure.savefig(STATIC / "social-card.png", metadata={"Software": None})


WORDS = ["settling", "energy", "phases", "feedback", "contrast", "nudging", "architecture"]


def cover(width=500, height=210):
    """A wave that comes to rest, a condition at each turn, in the colours of the page around it."""
    left, pitch, middle = 38, (width - 96) / 6, height / 2 - 4

    def at(turn):
        return left + pitch * turn, middle - 62 * math.exp(-0.22 * turn) * math.cos(math.pi * turn)

    path = "M" + " L".join("{:.1f} {:.1f}".format(*at(i / 16)) for i in range(16 * 6 + 1))
    parts = [
        f'<line x1="0" x2="{width}" y1="{middle}" y2="{middle}" stroke="currentColor" '
        'opacity=".25" stroke-dasharray="2 5"/>',
        f'<path d="{path}" fill="none" stroke="currentColor" stroke-width="2.5" opacity=".45"/>',
    ]
    for turn, (word, colour) in enumerate(zip(WORDS, COLOURS, strict=True)):
        x, y = at(turn)
        below = 24 if turn % 2 else -14
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="8" fill="{colour}"/>')
        parts.append(f'<text x="{x:.1f}" y="{y + below:.1f}" text-anchor="middle">{word}</text>')
    return (
        f'<svg class="sc-cover" viewBox="0 0 {width} {height}" role="img" aria-label="A wave of '
        "activity comes to rest; at its seven turns stand the seven conditions: "
        f'{", ".join(WORDS)}.">\n' + "\n".join(parts) + "\n</svg>\n"
    )


def main():
    (STATIC / "cover.svg").write_text(cover())
    (STATIC / "logo.svg").write_text(svg(200))
    (STATIC / "favicon.svg").write_text(svg(64))
    card()


if __name__ == "__main__":
    main()
