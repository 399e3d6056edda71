"""A network of a few units as a picture: its connections with their weights, input and target.

It is what a reader would draw before doing the arithmetic by hand. Numbers are written as fractions
where they are simple.
"""

from fractions import Fraction

import numpy as np

from sevenconditions.display import ESTIMATE, INK, MUTED, TRUE, WIDEST_PANEL, label_line, panel

LARGEST = 6  # units

# Inches: from layer to layer, from unit to unit, around them, and the radius of a unit.
_ACROSS, _DOWN, _BESIDE, _ABOVE, _RADIUS = 1.25, 0.85, 0.8, 0.55, 0.15


def sketch(net, x, y, *, layer=None, update=None, gradient=None):
    """Draw the units of a network and what connects them, with the numbers beside.

    Full arrows are forward weights, broken ones what is fed back where that is not the transpose,
    bows within a layer are lateral. Biases are not drawn.

    net : Network, of at most 6 units in all
    x, y : array_like, shape (samples, n_0), (samples, n_L)
    layer : int or None, index of the layer whose weights wear what a rule says of them and what is
        true, in the colours of estimate and truth
    update, gradient : Gradient, needed where `layer` is given

    Returns a Matplotlib figure. Raises ValueError for a network that is too large to be read.

    >>> from sevenconditions.network import layered
    >>> net = layered((1, 2), rng=np.random.default_rng(0))
    >>> axes = sketch(net, [[1.0]], [[0.5, 0.0]]).axes[0]
    >>> [text.get_text() for text in axes.texts][-3:]
    ['input 1', 'target 1/2', 'target 0']
    """
    sizes = net.sizes
    if sum(sizes) > LARGEST:
        raise ValueError(f"sketch of {sum(sizes)} units ({sizes}), expected at most {LARGEST}")
    across = min(_ACROSS, (WIDEST_PANEL - 2 * _BESIDE) / net.n_layers)
    width = 2 * _BESIDE + across * net.n_layers
    height = 2 * _ABOVE + _DOWN * (max(sizes) - 1)
    figure, axes = panel(width, height, left=0, right=0, top=0, bottom=0)
    axes.set(xlim=(0, width), ylim=(0, height))
    axes.set_axis_off()
    places = [_column(_BESIDE + across * l, n, height) for l, n in enumerate(sizes)]
    for l in range(net.n_layers):
        _forward(axes, places, l, net.weights[l])
        if l and not net.feedback_is_transposed:
            _back(axes, places, l, net.feedback[l])
        if net.lateral[l + 1] is not None:
            _within(axes, places[l + 1], net.lateral[l + 1])
    if layer is not None:
        _compare(axes, places, layer, update.weights[layer], gradient.weights[layer])
    _units(axes, places, np.atleast_2d(x), np.atleast_2d(y))
    return figure


def _column(x, n, height):
    return [np.array([x, height / 2 + _DOWN * ((n - 1) / 2 - k)]) for k in range(n)]


def _arrow(axes, start, end, bend=0.0, **style):
    points = 72 * _RADIUS
    arrow = {"arrowstyle": "-|>", "connectionstyle": f"arc3,rad={bend}", "color": MUTED}
    arrow |= {"shrinkA": points, "shrinkB": points + 1, "linewidth": 1.2} | style
    axes.annotate("", end, start, arrowprops=arrow)


def _label(axes, place, value, colour=INK, offset=(0, 0), ha="center"):
    label_line(axes, *place, _minus(written(value)), colour, offset, ha=ha)


def _along(start, end, weights, share):
    """Where on an arrow a number stands: not where arrows cross."""
    return start + (0.5 if weights.size == 1 else share) * (end - start)


def _forward(axes, places, l, weights):
    for (j, i), weight in np.ndenumerate(weights):
        if weight:
            start, end = places[l][i], places[l + 1][j]
            _arrow(axes, start, end)
            _label(axes, _along(start, end, weights, 0.35), weight, offset=(0, 9))


def _back(axes, places, l, feedback):
    for (i, j), weight in np.ndenumerate(feedback):
        start, end = places[l + 1][j], places[l][i]
        _arrow(axes, start, end, bend=0.5, linestyle="--")
        _label(axes, (start + end) / 2, weight, MUTED, offset=(0, 29))


def _within(axes, column, lateral):
    for (j, i), weight in np.ndenumerate(lateral):
        if weight:
            _arrow(axes, column[i], column[j], bend=0.45)
            _label(axes, (column[i] + column[j]) / 2, weight, offset=(-9 if i < j else 9, 0))


def _compare(axes, places, l, said, true):
    for (j, i), value in np.ndenumerate(said):
        place = _along(places[l][i], places[l + 1][j], said, 0.65)
        _label(axes, place, value, ESTIMATE, offset=(-3, -9), ha="right")
        _label(axes, place, true[j, i], TRUE, offset=(3, -9), ha="left")


def _units(axes, places, x, y):
    at = np.array([place for column in places for place in column])
    axes.scatter(*at.T, s=(144 * _RADIUS) ** 2, facecolors="none", edgecolors=INK, linewidths=1.2)
    beside = 72 * _RADIUS + 3
    for place, value in zip(places[0], x.T, strict=True):
        text = f"input {_minus(written(value))}"
        label_line(axes, *place, text, INK, (-beside, 0), ha="right")
    for place, value in zip(places[-1], y.T, strict=True):
        label_line(axes, *place, f"target {_minus(written(value))}", INK, (beside, 0))


def _minus(text):
    return text.replace("-", "\u2212")


def written(values):
    """Numbers as fractions where they are simple: one, a tuple, or rows with semicolons.

    >>> written([[0.5, -1.0]]), written(2 / 3), written(np.tanh(1.0)), written(np.eye(2))
    ('(1/2, -1)', '2/3', '0.7616', '(1, 0; 0, 1)')
    """
    rows = np.atleast_2d(np.asarray(values, dtype=float))
    text = "; ".join(", ".join(_number(v) for v in row) for row in rows)
    return text if rows.size == 1 else f"({text})"


def _number(value):
    if 2e-6 < abs(value) < 5e-5:  # what is left where a division by the nudge is missing
        return f"{value:.1g}"
    simple = Fraction(float(value)).limit_denominator(32)
    close = abs(value - float(simple)) < 5e-5 * max(1.0, abs(value))
    return str(simple) if close else f"{value:.4g}"
