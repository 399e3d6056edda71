"""All seven conditions together (chapter 9)."""

import numpy as np

import sevenconditions as sc
from sevenconditions import dynamics, solvers
from sevenconditions.derivations import Derivation, derivation
from sevenconditions.exact import feedforward_loss


def _all_seven_points(rng):
    gamma, b, (x, y) = *rng.uniform(0.3, 0.9, 2), rng.standard_normal((2, 1, 2))
    net = sc.layered((2, 3, 2), rng=rng, bias=0.3, cancellation=1.0, feedback_gain=gamma)
    to, far = rng.standard_normal((3, 2)), rng.standard_normal((2, 3))
    # the network moved by t along a line of weights, feedback tied
    at = lambda t: net.replace(
        weights=[net.weights[0] + t * to, net.weights[1] + t * far], feedback=None
    )
    rest = lambda b, t=0.0: solvers.newton(at(t), x, y=y, beta=b)
    E = lambda t, state: sc.energy(at(t), x, state)[0]
    C = lambda state: 0.5 * ((state.rates[-1] - y) ** 2).sum()
    F = lambda b, t: E(t, rest(b, t)) + b * C(rest(b, t))
    slope = lambda state: sc.derivative(lambda t: E(t, state), 0.0)
    back = lambda v: (np.arctanh(v[None, :3]), v[None, 3:])  # potentials of rates
    v, M = np.hstack(rest(b).rates)[0], np.diag([1 / gamma] * 3 + [1, 1])
    E_v = sc.derivative(lambda v: E(0.0, back(v)), v)
    R = np.hstack(dynamics.residual(net, x, back(v)))[0]
    C_v = np.r_[0, 0, 0, v[3:] - y[0]]
    loss = sc.derivative(lambda t: C(rest(0.0, t)), 0.0)
    forward = sc.derivative(lambda t: feedforward_loss(at(t), x, y), 0.0)
    contrast = lambda b: (slope(rest(b)) - slope(rest(-b))) / (2 * b)
    # a loss with a Lipschitz gradient, and a step of its length
    K, (th, s) = rng.standard_normal((5, 4)), rng.standard_normal((2, 4))
    L, grad = (lambda t: np.log(np.cosh(K @ t)).sum()), lambda t: K.T @ np.tanh(K @ t)
    g, lipschitz = grad(th), np.linalg.norm(K, 2) ** 2
    s = np.sign(s @ g) * s * np.linalg.norm(g) / np.linalg.norm(s)
    cosine, eta = sc.cosine(s, g), rng.uniform(0, 2) * sc.cosine(s, g) / lipschitz
    change = L(th - eta * s) - L(th)
    return locals()


def all_seven() -> Derivation:
    """With all seven the contrast is the gradient of backprop; and what an angle is worth.

    Theorems checked: theorem-together, theorem-angle.
    """
    return derivation(
        _all_seven_points,
        {
            "All seven together (theorem-together)": {
                "on the branch R + β ∂C/∂v = 0": "R == -b * C_v",
                "M R = ∂E/∂v": "M @ R == E_v",
                "times M: ∂E/∂v + β ∂C/∂v = 0": "E_v == -b * C_v",
                "∂F/∂β = C": "derivative(lambda b: F(b, 0.0), b) == C(rest(b))",
                "∂F/∂θ = ∂E/∂θ": "derivative(lambda t: F(b, t), 0.0) == slope(rest(b))",
                "d/dβ ∂E/∂θ = dC/dθ": (
                    "derivative(lambda b: slope(rest(b)), b) "
                    "== derivative(lambda t: C(rest(b, t)), 0.0)"
                ),
                "a central difference is off by O(β²)": (
                    "1.9 <= order(lambda b: contrast(b) - loss, 0.1)"
                ),
                "7: whose output stands in C": "loss == forward",
            },
            "What an angle is worth (theorem-angle)": {
                "the value at the start": (
                    "derivative(lambda t: L(th - t * s), 0.0) == -(norm(g) ** 2) * cosine"
                ),
                "∇C has moved by at most Λ times the distance": (
                    "norm(grad(th - eta * s) - g) <= lipschitz * eta * norm(s)"
                ),
                "|r| ≤ ½ Λ η² ‖g‖²": (
                    "abs(change + eta * norm(g) ** 2 * cosine) "
                    "<= lipschitz / 2 * eta**2 * norm(g) ** 2"
                ),
                "the loss falls": "change <= 0",
            },
        },
        n=5,
        bound=1e-6,
    )
