"""Where a benchmark meets the library below its front door: what may change stands here alone."""

import numpy as np

from sevenconditions import Gradient
from sevenconditions.sweeps import Sweeps


def fixed_sweep_gradient(net, x, y, beta, n_free, n_nudged):
    """The library's centered gradient after fixed numbers of sweeps, whatever the residual."""
    n, drive = len(x), x @ net.weights[0].T
    drive += net.biases[0]
    free = Sweeps(net, drive, None, 0.0, None, drive.dtype)
    free.start(None)
    free.advance(n_free)
    betas = np.repeat([beta, -beta], n)
    nudged = Sweeps(net, _twice(drive), _twice(y), betas, None, drive.dtype)
    nudged.state[:] = _twice(free.state)
    nudged.advance(n_nudged)
    scale = (-0.5 / (n * betas))[:, None]
    posts = [scale * v for v in nudged.rates]
    first = (posts[0][:n] + posts[0][n:]).T @ x  # the input is the same in both phases
    rest = [q.T @ v for q, v in zip(posts[1:], nudged.rates[:-1], strict=True)]
    return Gradient((first, *rest), tuple(q.sum(axis=0) for q in posts))


def _twice(array):
    return np.concatenate([array, array])


def linear_predictive_gradient(net, x, y, beta):
    """Predictive coding of a linear network with full cancellation, in closed form.

    The free phase carries no mismatch; under a nudge the output's is (1 + beta S) q = beta (y - v),
    and every layer below hears gamma B times that of the layer above.
    """
    rates = [x]
    for w, b in zip(net.weights, net.biases, strict=True):
        rates.append(rates[-1] @ w.T)
        rates[-1] += b
    softness, path = np.eye(net.sizes[-1]), None
    for i in reversed(range(1, net.n_layers)):
        path = net.weights[i] if path is None else path @ net.weights[i]
        softness += net.feedback_gain ** (net.n_layers - i) * (path @ path.T)
    stiff = np.eye(net.sizes[-1]) + beta * softness
    carried = [np.linalg.solve(stiff, (y - rates[-1]).T * beta).T]
    for i in reversed(range(1, net.n_layers)):
        carried.insert(0, net.feedback_gain * (carried[0] @ net.feedback[i].T))
    moved, below = 0.0, [x]
    for i in range(net.n_layers - 1):
        moved = carried[i] + (moved @ net.weights[i].T if i else 0.0)
        below.append(rates[i + 1] + moved)
    posts = [(-m / (beta * len(x))) * q for m, q in zip(net.metric, carried, strict=True)]
    weights = tuple(q.T @ v for q, v in zip(posts, below, strict=True))
    return Gradient(weights, tuple(q.sum(axis=0) for q in posts))
