"""One function per kind of figure: it draws data, and says in numbers what it drew.

Each returns a `display.Figure`. The description, which is also the alt text, is computed from the
data, so that it cannot say anything else than the picture shows.
"""

from sevenconditions.figures.beside import agreement, bars, matrix, scatter
from sevenconditions.figures.contrast import locality
from sevenconditions.figures.energy import both_ways, landscape, response_view
from sevenconditions.figures.lines import curves, fan, power_laws, traces
from sevenconditions.figures.neuroscience import (
    compartment_traces,
    cortical_column,
    evidence_grid,
    time_budget,
)
from sevenconditions.figures.nudging import circle_view, nudge_view, wall
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
    "both_ways",
    "circle_view",
    "compartment_traces",
    "cortical_column",
    "curves",
    "evidence_grid",
    "fan",
    "images_settling",
    "landscape",
    "locality",
    "matrix",
    "nudge_view",
    "phase_plane",
    "power_laws",
    "response_view",
    "scatter",
    "settling_view",
    "three_doors",
    "time_budget",
    "traces",
    "wall",
    "waterfall",
]
