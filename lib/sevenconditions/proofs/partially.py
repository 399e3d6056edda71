"""Conditions that partially hold: how errors combine (chapter 8)."""

import numpy as np

import sevenconditions as sc
from sevenconditions.derivations import Derivation, derivation


def _add_points(rng):
    gauss = zip(*np.polynomial.legendre.leggauss(8), strict=True)
    parts = [((1 + z) / 2, k / 2) for z, k in gauss]  # places on [0, 1] and their shares
    K, A, shift, s = *rng.standard_normal((2, 5, 6)), rng.standard_normal(6), 0.2
    h = lambda k, l: A @ np.tanh(k * K[0] + l * K[1] + shift)
    g, both = h(0, 0), h(s, s) - h(0, 0)
    one, two = h(s, 0) - g, h(0, s) - g
    bend = lambda z: -2 * np.tanh(z) / np.cosh(z) ** 2
    mixed = lambda k, l: A @ (bend(k * K[0] + l * K[1] + shift) * K[0] * K[1])
    over = [(s * k, s * l, s**2 * a * b) for k, a in parts for l, b in parts]
    M = max(np.linalg.norm(mixed(k, l)) for k, l, _ in over)
    # errors at right angles
    basis = np.linalg.qr(rng.standard_normal((8, 4)))[0].T * rng.uniform(0.3, 2, (4, 1))
    true, errors = basis[0], basis[1:]
    tan = lambda e: np.tan(np.radians(sc.angle_deg(true + e, true)))
    # many directions
    n = rng.integers(3, 12)
    balls = rng.standard_normal((20_000, n))
    balls = balls / np.linalg.norm(balls, axis=1, keepdims=True)
    turn = np.linalg.qr(rng.standard_normal((n, n)))[0]
    return locals()


def add() -> Derivation:
    """Small violations add, orthogonal errors in squares, and unrelated ones are nearly orthogonal.

    Theorems checked: theorem-partially-add, theorem-partially-tan, theorem-partially-high.
    """
    return derivation(
        _add_points,
        {
            "Small violations add (theorem-partially-add)": {
                "with h(0,0) = g it is Δ_kl − Δ_k − Δ_l": (
                    "h(s, s) - h(s, 0) - h(0, s) + h(0, 0) == both - one - two"
                ),
                "the integral of ∂²h/∂s_k∂s_l over the square": (
                    "both - one - two == sum(w * mixed(k, l) for k, l, w in over)"
                ),
                "at most M s²": "norm(both - one - two) <= 1.01 * M * s**2",
                "I_kl ≤ (M/m) s": (
                    "norm(both - one - two) / norm(one + two) "
                    "<= 1.01 * M / (norm(one + two) / s) * s"
                ),
            },
            "Squared tangents add (theorem-partially-tan)": {
                "tan ϑ_k = ‖e_k‖/‖g‖": (
                    "[tan(e) for e in errors] == norm(errors, axis=1) / norm(true)"
                ),
                "Pythagoras": "norm(errors.sum(0)) ** 2 == sum(norm(errors, axis=1) ** 2)",
                "tan² ϑ = Σ tan² ϑ_k": (
                    "tan(errors.sum(0)) ** 2 == sum(tan(e) ** 2 for e in errors)"
                ),
            },
            "Unrelated errors are nearly orthogonal (theorem-partially-high)": {
                "with the axes turned, a is the first": (
                    "balls @ turn[:, 0] == (balls @ turn)[:, 0]"
                ),
                "b₁ and −b₁ alike: E a · b = 0": "abs(np.mean(balls @ turn[:, 0])) <= 0.02",
                "all b_i² have the same mean": (
                    "abs(n * np.mean((balls @ turn) ** 2, axis=0) - 1) <= 0.05"
                ),
                "they sum to 1": "np.sum((balls @ turn) ** 2, axis=1) == np.ones(len(balls))",
            },
        },
        n=10,
    )


def _descent_points(rng):
    gauss = zip(*np.polynomial.legendre.leggauss(8), strict=True)
    parts = [((1 + z) / 2, k / 2) for z, k in gauss]  # places on [0, 1] and their shares
    K, (theta, h) = rng.standard_normal((5, 4)), rng.standard_normal((2, 4))
    C = lambda t: np.log(np.cosh(K @ t)).sum()
    slope = lambda t: K.T @ np.tanh(K @ t)
    g, lipschitz = slope(theta), np.linalg.norm(K, 2) ** 2
    h = np.sign(g @ h) * h
    cosine = sc.cosine(g, h)
    g_size, h_size = np.linalg.norm(g), np.linalg.norm(h)
    most = 2 * g_size * cosine / (lipschitz * h_size)
    eta = rng.uniform(0.1, 0.9) * most
    return locals()


def descent() -> Derivation:
    """A direction within 90 degrees of the gradient leads downhill.

    Theorem checked: theorem-partially-descent.
    """
    return derivation(
        _descent_points,
        {
            "Within 90 degrees is downhill (theorem-partially-descent)": {
                "the gradient is Lipschitz": (
                    "norm(slope(theta) - slope(theta + h)) <= lipschitz * norm(h)"
                ),
                "integrated along the step": (
                    "C(theta - eta * h) - C(theta) "
                    "== -eta * sum(w * h @ slope(theta - t * eta * h) for t, w in parts)"
                ),
                "C(θ − ηh) ≤ C − η g · h + ½ Λ η² ‖h‖²": (
                    "C(theta - eta * h) <= C(theta) - eta * g @ h + lipschitz / 2 * eta**2 * h @ h"
                ),
                "g · h = ‖g‖ ‖h‖ cos ϑ": (
                    "-derivative(lambda t: C(theta - t * h), 0.0) == g_size * h_size * cosine"
                ),
                "the bound is back at C(θ) at the end of the range": (
                    "most * g @ h == lipschitz / 2 * most**2 * h @ h"
                ),
                "below C(θ) inside it": "C(theta - eta * h) <= C(theta)",
                "in its middle down by cos² ϑ ‖g‖²/(2Λ)": (
                    "C(theta - most / 2 * h) <= C(theta) - cosine**2 * g_size**2 / (2 * lipschitz)"
                ),
            },
        },
        bound=1e-7,
    )
