"""What all figures share: one colour for one thing, numbers for sentences, labels at line ends.

Blue is what theory says, orange what was measured, purple what breaks; members of a family that
are alike in kind take the sequence, light to dark.
"""

import numpy as np

from sevenconditions.display import ESTIMATE, SEQUENCE, TRUE, label_line, log_scale


def colours(labels, theory=()):
    """Label -> colour: theory blue, a single measurement orange, several the sequence."""
    measured = [label for label in labels if label not in theory]
    family = [ESTIMATE] if len(measured) == 1 else spread(len(measured))
    return {label: TRUE for label in theory} | dict(zip(measured, family, strict=False))


def spread(count):
    """So many colours of the sequence, as far apart as they can be."""
    return [SEQUENCE[round(i)] for i in np.linspace(0, len(SEQUENCE) - 1, count)]


def say(value):
    """A number for a sentence: three digits, or two if it is tiny."""
    return f"{value:.{2 if abs(value) < 1e-4 else 3}g}".replace("e-0", "e-").replace("e+0", "e+")


def scales(axes, logx, logy):
    """Make the axes logarithmic where asked."""
    if logx:
        log_scale(axes, "x")
    if logy:
        log_scale(axes, "y")


def end_labels(axes, ends):
    """Labels at the lines' ends, pushed apart until none covers another."""
    axes.autoscale_view()
    height = axes.figure.get_size_inches()[1] * axes.get_position().height * 72
    places = sorted(
        (axes.transAxes.inverted().transform(axes.transData.transform((x, y)))[1] * height, i)
        for i, (x, y, _, _) in enumerate(ends)
    )
    wanted, lowest = {}, -np.inf
    for place, i in places:
        wanted[i] = max(place, lowest + 11)
        lowest = wanted[i]
    over = max(0.0, lowest - height)
    for place, i in places:
        x, y, label, colour = ends[i]
        label_line(axes, x, y, label, colour, offset=(5, wanted[i] - over - place))
