"""Seven conditions under which a network that settles computes the gradient of backprop.

>>> import numpy as np
>>> import sevenconditions as sc
>>> net = sc.layered((4, 6, 3), gain=0.5, rng=np.random.default_rng(0))
>>> x, y = np.ones((2, 4)), np.zeros((2, 3))
>>> free = sc.free_phase(net, x)
>>> free.converged
True
>>> plus = sc.nudged_phase(net, x, y, beta=1e-4, start=free)
>>> estimate = sc.hebbian(net, x, free).minus(sc.hebbian(net, x, plus), over=1e-4)
>>> bool(sc.angle_deg(estimate, sc.recurrent_backprop(net, x, y, tied=True)) < 0.1)
True
"""

from importlib import import_module

from sevenconditions.activations import ACTIVATIONS, Activation, activation
from sevenconditions.checks import (
    BasinWarning,
    ConvergenceError,
    ConvergenceWarning,
    PrecisionWarning,
)
from sevenconditions.contrast import hebbian
from sevenconditions.energy import energy, total_energy
from sevenconditions.equilibrium import Equilibrium, settle
from sevenconditions.exact import backprop, bptt, central_differences, recurrent_backprop
from sevenconditions.gradient import Gradient, angle_deg, cosine, norm_ratio, relative_error
from sevenconditions.network import Network, layered
from sevenconditions.phases import clamped_phase, free_phase, nudged_phase
from sevenconditions.recipe import ALL_HOLD, Recipe, estimate_gradient, take_phases

__version__ = "0.1.0"

# What a notebook needs beside the mathematics; loaded on first use, so that NumPy alone suffices.
_FOR_NOTEBOOKS = {
    "claim": "claims",
    "dial": "explorable",
    "explore": "explorable",
    "exercise_check": "questions",
    "predict": "questions",
    "question": "questions",
    "quiz": "questions",
}


def __getattr__(name):
    """Load the notebook helpers on first use."""
    if name not in _FOR_NOTEBOOKS:
        raise AttributeError(f"module 'sevenconditions' has no attribute {name!r}")
    return getattr(import_module(f"sevenconditions.{_FOR_NOTEBOOKS[name]}"), name)


__all__ = [
    "ACTIVATIONS",
    "Activation",
    "ConvergenceError",
    "ConvergenceWarning",
    "Equilibrium",
    "Gradient",
    "Network",
    "activation",
    "angle_deg",
    "backprop",
    "central_differences",
    "cosine",
    "energy",
    "free_phase",
    "hebbian",
    "layered",
    "norm_ratio",
    "nudged_phase",
    "recurrent_backprop",
    "relative_error",
    "settle",
    "total_energy",
]
