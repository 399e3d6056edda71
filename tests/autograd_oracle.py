"""An oracle for the judge: the same networks, written anew and differentiated by autograd.

Nothing here is shared with the library: of a Network only its numbers and the names of its
activations are read. States are columns, shape (n_l, batch); costs are batch means.
"""

import autograd.numpy as np
from autograd import elementwise_grad, grad

PHI = {
    "tanh": np.tanh,
    "logistic": lambda u: 1.0 / (1.0 + np.exp(-u)),
    "linear": lambda u: 1.0 * u,
    "squareplus": lambda u: (u + np.sqrt(u**2 + 4.0)) / 2.0,
}


def feedforward_gradient(net, x, y):
    """(weights, biases) gradients of the forward pass without feedback."""
    phis = _phis(net)

    def cost(weights, biases):
        v = x.T
        for phi, weight, bias in zip(phis, weights, biases, strict=True):
            v = phi(np.dot(weight, v) + bias[:, None])
        return _mean_cost(v, y)

    return grad(cost, (0, 1))(net.weights, net.biases)


def unrolled_gradient(net, x, y, *, n_steps, dt, potentials=None, tied=False):
    """(weights, biases) gradients after n_steps Euler steps that share one set of weights."""

    def cost(weights, biases):
        return _mean_cost(_run(net, x, [(weights, biases)] * n_steps, dt, potentials, tied)[0], y)

    return grad(cost, (0, 1))(net.weights, net.biases)


def gradient_by_step(net, x, y, *, n_steps, dt, potentials=None, tied=False):
    """A copy of the weights for each step. Entry t belongs to t steps before the end.

    Returns the (weights, biases) gradients of each copy, and dC/du / phi'(u) of each sample in
    the state that the copy's step produces, a list over the layers.
    """
    copies = [(net.weights, net.biases)] * n_steps
    pushes = [[np.zeros((n, len(x))) for n in net.sizes[1:]]] * n_steps

    def cost(copies, pushes):
        return _mean_cost(_run(net, x, copies, dt, potentials, tied, pushes)[0], y)

    by_copy, by_push = grad(cost, (0, 1))(copies, pushes)
    passed = _run(net, x, copies, dt, potentials, tied)[1]
    by_rate = [
        [
            (len(x) * g / elementwise_grad(phi)(u)).T
            for phi, g, u in zip(_phis(net), gs, us, strict=True)
        ]
        for gs, us in zip(by_push, passed, strict=True)
    ]
    return by_copy[::-1], by_rate[::-1]


def _phis(net):
    return [PHI[net.activation.name]] * (len(net.weights) - 1) + [PHI[net.output.name]]


def _mean_cost(v, y):
    return np.sum((v - y.T) ** 2) / (2.0 * len(y))


def _run(net, x, copies, dt, potentials, tied, pushes=None):
    """The last output rates, and the potentials after each step."""
    phis, top = _phis(net), len(net.weights) - 1
    u = [
        np.zeros((len(w), len(x))) if potentials is None else potentials[i].T
        for i, w in enumerate(net.weights)
    ]
    passed = []
    for step, (weights, biases) in enumerate(copies):
        v = [phi(p) for phi, p in zip(phis, u, strict=True)]
        below = [x.T, *v[:-1]]
        a = [np.dot(w, b) + c[:, None] for w, b, c in zip(weights, below, biases, strict=True)]
        q = [r - net.cancellation * phi(d) for phi, r, d in zip(phis, v, a, strict=True)]
        change = []
        for i in range(top + 1):
            current = a[i] - u[i]
            if i < top:
                back = net.feedback[i + 1]
                if tied:  # what the transpose lacks stays as it is
                    back = weights[i + 1].T + (back - net.weights[i + 1].T)
                current = current + net.feedback_gain * np.dot(back, q[i + 1])
            if net.lateral[i + 1] is not None:
                current = current + np.dot(net.lateral[i + 1], q[i])
            change.append(dt * current)
        u = [p + d for p, d in zip(u, change, strict=True)]
        if pushes is not None:
            u = [p + push for p, push in zip(u, pushes[step], strict=True)]
        passed.append(u)
    return phis[-1](u[-1]), passed
