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
