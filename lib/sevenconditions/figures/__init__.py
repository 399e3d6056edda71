"""One function per kind of figure: it draws data, and says in numbers what it drew.

Each returns a `display.Figure`. The description, which is also the alt text, is computed from the
data, so that it cannot say anything else than the picture shows.
"""

from sevenconditions.figures.beside import agreement, bars, matrix, scatter
from sevenconditions.figures.lines import curves, power_laws, traces
from sevenconditions.figures.partially import waterfall
from sevenconditions.figures.settling import (
    images_settling,
    phase_plane,
    settling_view,
    three_doors,
)

__all__ = [
    "agreement",
    "bars",
    "curves",
    "images_settling",
    "matrix",
    "phase_plane",
    "power_laws",
    "scatter",
    "settling_view",
    "three_doors",
    "traces",
    "waterfall",
]
