"""Neuroscience: apical dendrites, answered synapses, and cells of two kinds."""

import numpy as np
from scipy.optimize import root

import sevenconditions as sc
from sevenconditions import dynamics, solvers
from sevenconditions.derivations import Derivation, derivation


def _apical_points(rng):
    net = sc.layered((2, 3, 3, 2), rng=rng, bias=0.3, output="tanh", cancellation=1.0)
    (x, y), W = rng.standard_normal((2, 1, 2)), net.weights

    def nudged(b):  # drives, potentials and mismatches at rest
        rest = solvers.newton(net, x, y=y, beta=b)
        below, read = dynamics.drives(net, x, rest.rates), dynamics.signals(net, x, rest.rates)
        return np.array([np.hstack(each)[0] for each in (below, rest.potentials, read.post)])

    below, u, q = nudged(0.3)
    h, at_rest = u - below, nudged(0.0)
    a, v = (np.hstack(each)[0] for each in dynamics.forward_pass(net, x))
    back = lambda q: np.r_[W[1].T @ q[3:6], W[2].T @ q[6:]]
    moves = sc.derivative(nudged, 0.0)
    dh, dq = moves[1] - moves[0], moves[2]
    delta = np.hstack(sc.backprop(net, x, y).biases)
    # pairs of weights, of which a share r answers
    p, r, s, n = *rng.uniform(0.1, 0.5, 3), 40_000
    m, strength = np.exp(s * rng.standard_normal((2, n)))
    Em, Em2 = np.exp(s**2 / 2), np.exp(2 * s**2)
    there, answered = rng.uniform(size=n) < p, rng.uniform(size=n) < r
    sign = rng.choice([-1, 1], n)
    w = there * sign * m
    b = np.where(there, answered, rng.uniform(size=n) < p * (1 - r) / (1 - p)) * sign * strength
    # units of two kinds
    S, sigma = rng.standard_normal((4, 4)), np.diag([1, 1, -1, -1])
    J, C_v = sigma @ (S + S.T), np.r_[rng.standard_normal(2), 0, 0]
    moved = lambda b: root(lambda v: J @ v + v**3 + b * C_v, 0 * C_v, tol=1e-13).x
    M = rng.uniform(0.1, 2, 4)
    return locals()


def apical() -> Derivation:
    """What apical drives hold, what partial reciprocity is worth, and how a mirror needs no energy.

    Theorems checked: theorem-neuroscience-apical, theorem-neuroscience-reciprocity,
    theorem-neuroscience-dale.
    """
    return derivation(
        _apical_points,
        {
            "What waits in the apical compartment (theorem-neuroscience-apical)": {
                "h_l = u_l − a_l": "h[:6] == back(q)",
                "at the output u − a = −β (v − y)": "h[6:] == -0.3 * (np.tanh(u[6:]) - y[0])",
                "q_l = φ(a_l + h_l) − φ(a_l)": "q == np.tanh(below + h) - np.tanh(below)",
                "without a nudge all are 0": "norm([at_rest[1] - at_rest[0], at_rest[2]]) <= 1e-12",
                "dq_L/dβ = −φ′(a_L)(v_L − y)": "dq[6:] == -(1 - v[6:] ** 2) * (v[6:] - y[0])",
                "dq_l/dβ = φ′(a_l) dh_l/dβ": "dq == (1 - v**2) * dh",
                "dh_l/dβ = Wᵀ dq_{l+1}/dβ": "dh[:6] == back(dq)",
                "dq_l/dβ = −δ_l": "dq == -delta",
            },
            "From reciprocity to alignment (theorem-neuroscience-reciprocity)": {
                "E wb = p r (E m)²": "abs(np.mean(w * b) - p * r * Em**2) <= 0.02",
                "E w² = p E m²": "abs(np.mean(w**2) - p * Em2) <= 0.03",
                "E b² = E w²": "abs(np.mean(b**2) - p * Em2) <= 0.03",
                "in 40 000 pairs near the limit": (
                    "abs(np.sum(w * b) / np.sqrt(np.sum(w**2) * np.sum(b**2)) - r * Em**2 / Em2) "
                    "<= 0.03"
                ),
            },
            "Excitation and inhibition: no energy, and yet a mirror (theorem-neuroscience-dale)": {
                "(1) two numbers of opposite sign": "(M[0] * J[0, 2]) * (M[2] * J[2, 0]) <= 0",
                "(2) Σ J = Jᵀ Σ": "sigma @ J == J.T @ sigma",
                "J⁻ᵀ Σ = Σ J⁻¹": "inv(J).T @ sigma == sigma @ inv(J)",
                "λ = Σ J⁻¹ ∂C/∂v": "np.linalg.solve(J.T, C_v) == sigma @ inv(J) @ C_v",
                "dv/dβ = −J⁻¹ ∂C/∂v, with rests from a solver": (
                    "derivative(moved, 0.0, 1e-4) == -inv(J) @ C_v"
                ),
                "λ = −Σ dv/dβ": (
                    "np.linalg.solve(J.T, C_v) == -sigma @ derivative(moved, 0.0, 1e-4)"
                ),
            },
        },
        n=5,
        bound=1e-6,
    )
