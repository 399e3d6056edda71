"""The networks that are measured, and their spectral radius by power iteration."""

from typing import NamedTuple

import numpy as np

import sevenconditions as sc
from benchmarks.programs import PLAIN, at_rest

SIZES = {"A": (64, 128, 10), "B": (784, 256, 10), "C": (784, 512, 512, 10)}
BATCH = 64


class Case(NamedTuple):
    """A network with a batch of inputs and targets."""

    name: str
    net: sc.Network
    x: np.ndarray
    y: np.ndarray


def case(name, sizes, *, n_samples=BATCH, seed=0, **options):
    """A random network, tanh below a linear output, with Gaussian inputs and targets."""
    rng = np.random.default_rng(seed)
    net = sc.layered(sizes, rng=rng, **{"gain": 0.5, "bias": 0.1} | options)
    x, y = rng.standard_normal((n_samples, sizes[0])), rng.standard_normal((n_samples, sizes[-1]))
    return Case(name, net, x, y)


def cases():
    """A, B and C as they are drawn."""
    return [case(name, sizes) for name, sizes in SIZES.items()]


def scaled(net, factor):
    """The loop times a factor: every weight but those that bring the input in."""
    weights = [net.weights[0], *(factor * w for w in net.weights[1:])]
    return net.replace(weights=weights, feedback=None)


def radius(net, slopes, *, n_steps=60):
    """Spectral radius of the undamped settling map, for the slopes phi' of each sample's layers.

    Its loop is similar to a symmetric matrix, of which the power iteration takes the square.
    """
    roots = [np.sqrt(s) for s in slopes]
    rng = np.random.default_rng(1)
    state = [rng.standard_normal(r.shape) for r in roots]
    for step in range(2 * n_steps):
        inner = [r * z for r, z in zip(roots, state, strict=True)]
        moved = [np.zeros_like(z) for z in state]
        for i in range(1, net.n_layers):
            moved[i] += inner[i - 1] @ net.weights[i].T
            moved[i - 1] += inner[i] @ net.weights[i]
        state = [r * z for r, z in zip(roots, moved, strict=True)]
        if step % 2:
            size = np.sqrt(sum((z * z).sum(axis=1) for z in state))[:, None]
            state = [z / size for z in state]
    return np.sqrt(size[:, 0])


def with_radius_at_silence(given, wanted):
    """The loop scaled so that the radius of the settling map at silence is as wanted."""
    slopes = [np.ones((1, n)) for n in given.net.sizes[1:]]
    net = scaled(given.net, wanted / radius(given.net, slopes)[0])
    return given._replace(name=f"{given.name}, radius {wanted:g} at silence", net=net)


def with_radius_at_rest(given, wanted, *, n_steps=12):
    """The loop scaled so that the largest radius at the free states of the batch is as wanted.

    The first such scale from silence on: far beyond it the units saturate, and the radius falls.
    """
    low = wanted / radius(given.net, [np.ones((1, n)) for n in given.net.sizes[1:]])[0]
    high = low
    while _radius_at_rest(scaled(given.net, high), given.x) < wanted:
        low, high = high, 1.1 * high
        if high > 100.0:
            raise ValueError(f"radius: got {wanted:g}, which no scale up to 100 reaches at rest")
    for _ in range(n_steps):
        middle = np.sqrt(low * high)
        too_wide = _radius_at_rest(scaled(given.net, middle), given.x) > wanted
        low, high = (low, middle) if too_wide else (middle, high)
    net = scaled(given.net, low)
    return given._replace(name=f"{given.name}, radius {wanted:g} at rest", net=net)


def _radius_at_rest(net, x):
    rates = at_rest(PLAIN, net.weights, net.biases, net.feedback, x, n_sweeps=100)
    slopes = [1.0 - v * v for v in rates[:-1]] + [np.ones_like(rates[-1])]
    return radius(net, slopes).max()
