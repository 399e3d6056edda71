"""The programs that are compared: one algorithm in NumPy, torch and JAX, and its bare products.

The algorithm settles by sweeps whose state is the drives: on the way down every layer hears the one
above, on the way up it takes its drive again from the layer below. Here cancellation is 0, the
feedback gain 1, the hidden layers tanh and the output linear; nothing is checked, nothing stops.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np


class Toolbox(NamedTuple):
    """What the algorithm needs of an array library."""

    linear: Callable  # v, weights, bias or None -> v @ weights.T + bias
    tanh: Callable
    stack: Callable  # arrays -> their rows one below another


def _linear(v, weight, bias=None):
    return v @ weight.T if bias is None else v @ weight.T + bias


PLAIN = Toolbox(_linear, np.tanh, np.concatenate)


def sweep_gradient(tools, weights, biases, feedback, x, y, *, beta, n_free, n_nudged):
    """Centered gradient of tied weights after fixed numbers of sweeps: (weights, biases)."""
    constant = tools.linear(x, weights[0], biases[0])
    drives = _forward(tools, weights, biases, constant)
    drives, _ = _sweeps(tools, weights, biases, feedback, drives, None, None, n_free)
    n, ones = len(x), x[:, :1] * 0.0 + 1.0
    sign = tools.stack([ones, -ones])
    drives = [tools.stack([a, a]) for a in drives]
    twice = tools.stack([y, y])
    _, rates = _sweeps(tools, weights, biases, feedback, drives, twice, sign * beta, n_nudged)
    scale = sign * (-0.5 / (beta * n))
    posts = [scale * v for v in rates]
    first = posts[0][:n] + posts[0][n:]  # the input is the same in both phases
    products = [first.T @ x, *(q.T @ v for q, v in zip(posts[1:], rates[:-1], strict=True))]
    return products, [q.sum(0) for q in posts]


def at_rest(tools, weights, biases, feedback, x, *, y=None, beta=None, n_sweeps=300):
    """Rates after so many sweeps that nothing moves any more."""
    drives = _forward(tools, weights, biases, tools.linear(x, weights[0], biases[0]))
    return _sweeps(tools, weights, biases, feedback, drives, y, beta, n_sweeps)[1]


def limit_gradient(net, x, y, *, n_sweeps=300):
    """The limit of small nudges, exactly: an imaginary nudge whose square is nothing."""
    step = 1e-30
    rates = at_rest(PLAIN, net.weights, net.biases, net.feedback, x,
                    y=y, beta=1j * step, n_sweeps=n_sweeps)  # fmt: skip
    below = (x, *rates[:-1])
    weights = [-(q.T @ v).imag / (step * len(x)) for q, v in zip(rates, below, strict=True)]
    return weights, [-q.imag.sum(0) / (step * len(x)) for q in rates]


def _forward(tools, weights, biases, constant):
    drives = [constant]
    for w, b in zip(weights[1:], biases[1:], strict=True):
        drives.append(tools.linear(tools.tanh(drives[-1]), w, b))
    return drives


def _sweeps(tools, weights, biases, feedback, drives, y, beta, n_sweeps):
    """Drives and rates after down-and-up sweeps from the given drives; beta None is no nudge."""
    drives, last = list(drives), len(drives) - 1
    extra, rates = [None] * last, [None] * last
    pull, softness = (None, None) if beta is None else (beta * y / (1.0 + beta), 1.0 / (1.0 + beta))

    def output(drive):
        return drive if beta is None else drive * softness + pull

    top = output(drives[last])
    for _ in range(n_sweeps):
        above = top
        for i in reversed(range(last)):
            extra[i] = tools.linear(above, feedback[i + 1])
            above = rates[i] = tools.tanh(drives[i] + extra[i])
        for i in range(1, last):
            drives[i] = tools.linear(rates[i - 1], weights[i], biases[i])
            rates[i] = tools.tanh(drives[i] + extra[i])
        drives[last] = tools.linear(rates[last - 1], weights[last], biases[last])
        top = output(drives[last])
    return drives, [*rates, top]


def bare_products(net, x, *, n_free, n_nudged):
    """A program that makes only the products and activations of `sweep_gradient`, into buffers."""
    n, last = len(x), net.n_layers - 1
    rates = [np.full((2 * n, size), 0.1) for size in net.sizes[1:]]
    into = [np.empty((2 * n, size)) for size in net.sizes[1:]]
    products = [np.empty_like(w) for w in net.weights]
    up = [w.T for w in net.weights]
    down = [None, *(b.T for b in net.feedback[1:])]

    def forward():
        np.matmul(x, up[0], out=into[0][:n])
        for i in range(1, last + 1):
            np.tanh(into[i - 1][:n], out=rates[i - 1][:n])
            np.matmul(rates[i - 1][:n], up[i], out=into[i][:n])

    def sweeps(n_sweeps, rows):
        v, a = [part[:rows] for part in rates], [part[:rows] for part in into]
        for _ in range(n_sweeps):
            for i in reversed(range(last)):
                np.matmul(v[i + 1], down[i + 1], out=a[i])
                np.tanh(a[i], out=v[i])
            for i in range(1, last + 1):
                np.matmul(v[i - 1], up[i], out=a[i])
                if i < last:
                    np.tanh(a[i], out=v[i])

    def program():
        forward()
        sweeps(n_free, n)
        sweeps(n_nudged, 2 * n)
        np.matmul(rates[0][:n].T, x, out=products[0])
        for i in range(1, last + 1):
            np.matmul(rates[i].T, rates[i - 1], out=products[i])

    return program


def torch_program(net, x, y, **options):
    """`sweep_gradient` in eager torch, in float64 on one thread, without a tape."""
    import torch

    torch.set_num_threads(1)
    tools = Toolbox(torch.nn.functional.linear, torch.tanh, torch.cat)
    arrays = _converted(lambda a: torch.from_numpy(np.array(a)), net, x, y)

    def program():
        with torch.inference_mode():
            return sweep_gradient(tools, *arrays, **options)

    return program


def jax_program(net, x, y, **options):
    """`sweep_gradient` compiled by JAX in float64; compiled at the first call."""
    import jax

    jax.config.update("jax_enable_x64", True)
    tools = Toolbox(_linear, jax.numpy.tanh, jax.numpy.concatenate)
    arrays = _converted(jax.numpy.asarray, net, x, y)
    compiled = jax.jit(lambda *given: sweep_gradient(tools, *given, **options))
    return lambda: jax.block_until_ready(compiled(*arrays))


def _converted(convert, net, x, y):
    lists = [list(map(convert, part)) for part in (net.weights, net.biases, net.feedback[1:])]
    return *lists[:2], [None, *lists[2]], convert(x), convert(y)


def raw_backprop(net, x, y):
    """Backprop of tanh layers under a linear output and nothing else: the unit of the table."""
    rates = [x]
    for i, (w, b) in enumerate(zip(net.weights, net.biases, strict=True)):
        drive = rates[-1] @ w.T
        drive += b
        rates.append(np.tanh(drive, out=drive) if i + 1 < net.n_layers else drive)
    delta = (rates[-1] - y) / len(x)
    weights, biases = [], []
    for i in reversed(range(net.n_layers)):
        weights.append(delta.T @ rates[i])
        biases.append(delta.sum(axis=0))
        if i:
            delta = delta @ net.weights[i]
            delta *= 1.0 - rates[i] * rates[i]
    return weights[::-1], biases[::-1]


def raw_linear_backprop(net, x, y):
    """Backprop of a linear network and nothing else."""
    rates = [x]
    for w, b in zip(net.weights, net.biases, strict=True):
        rates.append(rates[-1] @ w.T)
        rates[-1] += b
    delta = (rates[-1] - y) / len(x)
    weights, biases = [], []
    for i in reversed(range(net.n_layers)):
        weights.append(delta.T @ rates[i])
        biases.append(delta.sum(axis=0))
        delta = delta @ net.weights[i] if i else None
    return weights[::-1], biases[::-1]


def naive_settling(net, x, y, beta, potentials, n_steps, dt=0.1):
    """The dynamics as one first writes them: all layers at once, small steps, nothing kept."""
    for _ in range(n_steps):
        rates = [np.tanh(u) for u in potentials[:-1]] + [potentials[-1]]
        new = []
        for i, u in enumerate(potentials):
            below = x if i == 0 else rates[i - 1]
            change = -u + below @ net.weights[i].T + net.biases[i]
            if i + 1 < len(potentials):
                change = change + rates[i + 1] @ net.feedback[i + 1].T
            else:
                change = change - beta * (rates[i] - y)
            new.append(u + dt * change)
        potentials = new
    return potentials


def naive_gradient(net, x, y, beta, n_free, n_nudged):
    """Equilibrium propagation by `naive_settling`: free, plus, minus, one after another."""
    silence = [np.zeros((len(x), n)) for n in net.sizes[1:]]
    free = naive_settling(net, x, y, 0.0, silence, n_free)
    plus = naive_settling(net, x, y, beta, free, n_nudged)
    minus = naive_settling(net, x, y, -beta, free, n_nudged)
    return naive_contrast(x, plus, minus, beta)


def naive_contrast(x, plus, minus, beta):
    """Minus less plus, over 2 beta, of post times pre."""
    weights, biases = [], []
    for i in range(len(plus)):
        parts = []
        for state in (minus, plus):
            rates = [x, *(np.tanh(u) for u in state[:-1]), state[-1]]
            parts.append((rates[i + 1].T @ rates[i] / len(x), rates[i + 1].sum(axis=0) / len(x)))
        weights.append((parts[0][0] - parts[1][0]) / (2.0 * beta))
        biases.append((parts[0][1] - parts[1][1]) / (2.0 * beta))
    return weights, biases
