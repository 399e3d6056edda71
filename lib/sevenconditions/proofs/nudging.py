"""Nudging: how far a finite response is from the derivative (chapter 6)."""

import numpy as np

import sevenconditions as sc
from sevenconditions.derivations import Derivation, derivation


def _orders_points(rng):
    nodes, shares = np.polynomial.legendre.leggauss(24)
    a, s = rng.standard_normal((2, 3))
    K, nu, b = rng.uniform([0.1, 0.1, 0.1], [1, 1, 0.5])
    s, N, p, r = s / abs(s).max(), rng.integers(2, 7), rng.integers(1, 4), 0.7
    # a product with poles at -1/s, the nearest at distance 1, and its derivatives
    h = lambda b: (a / (1 + np.multiply.outer(b, s))).sum(-1)
    h2 = lambda b: (2 * a * s**2 / (1 + np.multiply.outer(b, s)) ** 3).sum(-1)
    h3 = lambda b: (-6 * a * s**3 / (1 + np.multiply.outer(b, s)) ** 4).sum(-1)
    h_m = np.array([(a * (-s) ** m).sum() for m in range(200)])
    g, line = -sc.derivative(h, 0.0), np.linspace(-b, b, 401)
    t, dt = b * (1 + nodes) / 2, b * shares / 2
    rest3 = [dt @ ((b - t) ** 2 * h3(sign * t)) / 2 for sign in (1, -1)]
    w = np.exp(2j * np.pi * np.arange(N) / N)
    circle = -np.mean(h(b * w) / w).real / b
    M_s = abs(h(r * np.exp(2j * np.pi * np.linspace(0, 1, 401)))).max()
    error = lambda b: K * b**p + nu / b
    best = (nu / (p * K)) ** (1 / (p + 1))
    return locals()


def orders() -> Derivation:
    """The order of each nudging scheme, and the best nudge where there is noise.

    Theorems checked: theorem-nudge-order, theorem-nudge-best.
    """
    return derivation(
        _orders_points,
        {
            "The order of a nudge (theorem-nudge-order)": {
                "1: Taylor's formula": "h(b) == h(0) - b * g + dt @ ((b - t) * h2(t))",
                "its integral is at most β²/2 max ‖h″‖": (
                    "abs(h(b) - h(0) + b * g) <= b**2 / 2 * abs(h2(line[200:])).max()"
                ),
                "divided by −β": "abs((h(0) - h(b)) / b - g) <= b / 2 * abs(h2(line[200:])).max()",
                "2: the even terms cancel": "h(b) - h(-b) == -2 * b * g + rest3[0] + rest3[1]",
                "each remainder is at most β³/6 max ‖h‴‖": (
                    "np.abs(rest3) <= b**3 / 6 * abs(h3(line)).max()"
                ),
                "two of them, divided by 2β": (
                    "abs((h(-b) - h(b)) / (2 * b) - g) <= b**2 / 6 * abs(h3(line)).max()"
                ),
                "3: the mean of ω^(k(m−1)) is 1 or 0": (
                    "[np.mean(w ** (m - 1)) for m in range(20)] "
                    "== 1 * ((np.arange(20) - 1) % N == 0)"
                ),
                "m = 1, N + 1, 2N + 1, … survive": (
                    "circle == g - h_m[N + 1 :: N] @ b ** np.arange(N, 199, N)"
                ),
                "Cauchy's estimate": "abs(h_m) <= M_s * r ** -np.arange(200.0)",
                "and a geometric series": (
                    "abs(circle - g) <= M_s / r * (b / r) ** N / (1 - (b / r) ** N)"
                ),
            },
            "The best nudge (theorem-nudge-best)": {
                "the derivative": "derivative(error, b) == p * K * b ** (p - 1.0) - nu / b**2",
                "at β* the noise is p times the bias": "nu / best == p * (K * best**p)",
                "β* is the lowest place": (
                    "error(best) <= error(best * np.geomspace(0.01, 100, 201))"
                ),
                "the bound there": "error(best) == (1 + 1 / p) * nu / best",
            },
        },
        bound=1e-7,
    )


def _radius_points(rng):
    J, v0, (y, c) = rng.standard_normal((5, 5)), rng.standard_normal(5), rng.normal(size=(2, 2))
    P, b = np.eye(5)[3:], rng.uniform(0.1, 2)
    S, e = P @ np.linalg.solve(J, P.T), P @ v0 - y
    v = np.linalg.solve(J + b * P.T @ P, J @ v0 + b * P.T @ y)  # the nudged rest
    e_b, inside = P @ v - y, 0.99 * np.exp(1j * y[0]) / abs(np.linalg.eigvals(S)).max()
    positive = J @ J.T
    S_p = P @ np.linalg.solve(positive, P.T)
    sigma = np.linalg.eigvalsh(S_p)
    return locals()


def radius() -> Derivation:
    """The nudge at which the rest of a linear network is lost.

    Theorem checked: theorem-nudge-radius.
    """
    return derivation(
        _radius_points,
        {
            "The critical nudge (theorem-nudge-radius)": {
                "1: J(v − v⁰) + β Pᵀ e_β = 0": "J @ (v - v0) == -b * P.T @ e_b",
                "times P J⁻¹: e_β − e + β S e_β = 0": "e_b - e == -b * S @ e_b",
                "(I + β S)⁻¹ e": "e_b == inv(np.eye(2) + b * S) @ e",
                "inside β_c no factor 1 + βσ is 0": (
                    "0.009 <= abs(1 + inside * np.linalg.eigvals(S))"
                ),
                "2: det(J + β PᵀP) = det J · det(I + β S)": (
                    "np.linalg.det(J + inside * P.T @ P) "
                    "== np.linalg.det(J) * np.linalg.det(np.eye(2) + inside * S)"
                ),
                "3: S is positive definite": "1e-9 <= sigma",
                "I + β S fails at −β_c = −1/max σ": (
                    "abs(np.linalg.det(np.eye(2) - S_p / sigma.max())) <= 1e-9"
                ),
                "and at no nudge nearer to 0": (
                    "0 <= np.linalg.eigvalsh(np.eye(2) - 0.99 * S_p / sigma.max())"
                ),
            },
        },
        bound=1e-8,
    )
