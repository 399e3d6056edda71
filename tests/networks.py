"""Networks and data that several test files share."""

import numpy as np

import sevenconditions as sc

SMOOTH = ("tanh", "logistic", "linear", "squareplus")


def example(seed, *, sizes=(8, 10, 8, 5), n_samples=6, **options):
    """A random network with inputs and targets of its own."""
    rng = np.random.default_rng(seed)
    net = sc.layered(sizes, rng=rng, **{"gain": 0.4, "bias": 0.1} | options)
    return (
        net,
        rng.standard_normal((n_samples, sizes[0])),
        rng.standard_normal((n_samples, sizes[-1])),
    )
