"""Contrast: a local difference of two phases is the gradient (chapter 5)."""

import numpy as np

import sevenconditions as sc
from sevenconditions import solvers
from sevenconditions.derivations import Derivation, derivation


def _gradient_points(rng):
    c, gamma = rng.uniform(0.2, 1, 2)
    net = sc.layered((2, 3, 2), rng=rng, bias=0.3, cancellation=c, feedback_gain=gamma)
    (x, y), b = rng.standard_normal((2, 1, 2)), rng.uniform(-0.3, 0.3)
    to, far = rng.standard_normal((3, 2)), rng.standard_normal((2, 3))
    # the network moved by t along a line of weights, each with its feedback copy
    at = lambda t: net.replace(
        weights=[net.weights[0] + t * to, net.weights[1] + t * far], feedback=None
    )
    rest = lambda b, t: solvers.newton(at(t), x, y=y, beta=b)
    E = lambda t, state: sc.energy(at(t), x, state)[0]
    C = lambda state: 0.5 * ((state.rates[-1] - y) ** 2).sum()
    F = lambda b, t: E(t, rest(b, t)) + b * C(rest(b, t))
    slope = lambda state: sc.derivative(lambda t: E(t, state), 0.0)
    E_t = lambda b: slope(rest(b, 0))
    along = lambda g: (g.weights[0] * to).sum() + (g.weights[1] * far).sum()
    # any state, its drives, rates and mismatches, and G* of tanh
    u = tuple(rng.standard_normal((1, n)) for n in (3, 2))
    W, a, v = net.weights[0], x @ net.weights[0].T + net.biases[0], np.tanh(u[0])
    q, G = v - c * np.tanh(a), lambda a: np.log(np.cosh(a)).sum()
    E_W = lambda W: sc.energy(net.replace(weights=[W, net.weights[1]]), x, u)[0]
    E_b = lambda b: sc.energy(net.replace(biases=[b, net.biases[1]]), x, u)[0]
    return locals()


def gradient() -> Derivation:
    """The contrast of two equilibria is the gradient, and its rule is local.

    Theorems checked: theorem-contrast, theorem-local.
    """
    return derivation(
        _gradient_points,
        {
            "The contrast is the gradient (theorem-contrast)": {
                "∂F/∂β = C(v^β)": "derivative(lambda b: F(b, 0), b) == C(rest(b, 0))",
                "∂F/∂θ = ∂E/∂θ": "derivative(lambda t: F(b, t), 0.0) == E_t(b)",
                "Young: dC(v^β)/dθ = d/dβ ∂E/∂θ": (
                    "derivative(lambda t: C(rest(b, t)), 0.0) == derivative(E_t, b)"
                ),
                "β = 0: the judge's gradient": (
                    "along(sc.recurrent_backprop(net, x, y, tied=True)) == derivative(E_t, 0.0)"
                ),
            },
            "The rule is local (theorem-local)": {
                "∂(−v · a)/∂W = −v_l v_{l−1}ᵀ": (
                    "derivative(lambda W: -v[0] @ (W @ x[0]), W) == -np.outer(v, x)"
                ),
                "∂ c G*(a)/∂W = c φ(a) v_{l−1}ᵀ": (
                    "derivative(lambda W: c * G(W @ x[0] + net.biases[0]), W) "
                    "== c * np.outer(np.tanh(a), x)"
                ),
                "−∂E/∂W = γ^(l−L) q_l v_{l−1}ᵀ": (
                    "-derivative(E_W, W) == gamma ** (1 - 2) * np.outer(q, x)"
                ),
                "−∂E/∂b = γ^(l−L) q_l": (
                    "-derivative(E_b, net.biases[0]) == gamma ** (1 - 2) * q[0]"
                ),
            },
        },
        n=5,
        bound=1e-6,
    )


def _two_vectors_points(rng):
    g, p, (h, t) = *rng.standard_normal((2, 5)), rng.uniform(0, 1, 2)
    p = -np.sign(g @ p) * p  # zeta < 0
    r, zeta = np.linalg.norm(p) / np.linalg.norm(g), sc.cosine(p, g)
    m, right = h * r / (1 - h), 1 / (1 - r * zeta)
    mixed = lambda h: (1 - h) * g + h * p
    return locals()


def two_vectors() -> Derivation:
    """At what share of another vector a mixture is at right angles to the gradient.

    Theorem checked: theorem-two-vectors.
    """
    return derivation(
        _two_vectors_points,
        {
            "The two-vector law (theorem-two-vectors)": {
                "(1 − h) g + h p − g = h (p − g)": (
                    "norm(mixed(h) - g) / norm(g) == h * norm(p - g) / norm(g)"
                ),
                "divided by (1 − h) ‖g‖: a unit vector plus m times another": (
                    "mixed(h) / (1 - h) / norm(g) == g / norm(g) + m * p / norm(p)"
                ),
                "the cosine": (
                    "sc.cosine(mixed(h), g) == (1 + m * zeta) / np.sqrt(1 + 2 * m * zeta + m**2)"
                ),
                "its numerator vanishes at m = −1/ζ": "right * r / (1 - right) == -1 / zeta",
                "at h* the mixture is at right angles": "abs(sc.cosine(mixed(right), g)) <= 1e-9",
            },
        },
    )
