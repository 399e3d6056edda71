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

from sevenconditions import architecture, contrast, feedback, nudging, phases, settling
from sevenconditions.activations import ACTIVATIONS, Activation, activation
from sevenconditions.audit import audit
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
from sevenconditions.mystery import mystery
from sevenconditions.network import Network, layered
from sevenconditions.phases import clamped_phase, free_phase, nudged_phase
from sevenconditions.recipe import ALL_HOLD, Recipe, estimate_gradient, take_phases
from sevenconditions.zoo import ZOO

__version__ = "0.1.0"

# What a notebook needs beside the mathematics; loaded on first use, so that NumPy alone suffices.
_ON_FIRST_USE = {
    "Data": "learning",
    "History": "learning",
    "claim": "claims",
    "counterexample": "witness",
    "derivation": "derivations",
    "derivative": "derivations",
    "detective": "casebook",
    "dial": "explorable",
    "digits": "learning",
    "exercise_check": "questions",
    "explore": "explorable",
    "grade": "card",
    "local": "rules",
    "marker": "predictions",
    "predict": "questions",
    "proofs": "proofs",
    "question": "questions",
    "quiz": "questions",
    "report_card": "card",
    "smallest_witness": "witness",
    "sweep": "grid",
    "switchboard": "switchboard",
    "train": "learning",
}


def __getattr__(name):
    """Load what needs more than NumPy on first use."""
    if name not in _ON_FIRST_USE:
        raise AttributeError(f"module 'sevenconditions' has no attribute {name!r}")
    module = import_module(f"sevenconditions.{_ON_FIRST_USE[name]}")
    return module if name == "proofs" else getattr(module, name)


def __dir__():
    """Names to complete, those of first use among them."""
    return sorted({*globals(), *_ON_FIRST_USE} - {"import_module"})


__all__ = [
    "ACTIVATIONS",
    "ALL_HOLD",
    "ZOO",
    "Activation",
    "BasinWarning",
    "ConvergenceError",
    "ConvergenceWarning",
    "Equilibrium",
    "Gradient",
    "Network",
    "PrecisionWarning",
    "Recipe",
    "activation",
    "angle_deg",
    "architecture",
    "audit",
    "backprop",
    "bptt",
    "central_differences",
    "clamped_phase",
    "contrast",
    "cosine",
    "energy",
    "estimate_gradient",
    "feedback",
    "free_phase",
    "hebbian",
    "layered",
    "mystery",
    "norm_ratio",
    "nudged_phase",
    "nudging",
    "phases",
    "recurrent_backprop",
    "relative_error",
    "settle",
    "settling",
    "take_phases",
    "total_energy",
]
