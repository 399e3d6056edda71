"""Settling: the dynamics contract, and at what rate (chapter 1)."""

import numpy as np

from sevenconditions.derivations import Derivation, derivation


def _contraction_points(rng):
    W, (b, start, other) = rng.standard_normal((4, 4)), rng.standard_normal((3, 4))
    q, dt = rng.uniform(0.3, 0.9), rng.uniform(0.1, 2)
    A = q * W / np.linalg.norm(W, 2)
    F = lambda u: A @ np.tanh(u) + b  # shrinks by q
    states, rest = [start], other
    for _ in range(500):
        states.append(F(states[-1]))
        rest = F(rest)
    moves, t = np.linalg.norm(np.diff(states[:21], axis=0), axis=1), np.arange(20)
    off = np.linalg.norm(states[:20] - rest, axis=1)
    # near a rest: a Jordan block, rescaled; and two parts, one that grows
    rho, eps = rng.uniform(0.3, 0.9), 0.1
    F_u = np.array([[rho, 1], [0, rho]])
    N = np.diag([1, 2 / eps])  # the adapted norm is that of N e
    G = lambda e: F_u @ e + e**2
    size = lambda e: np.linalg.norm(N @ e)
    e = 0.01 * eps * np.linalg.inv(N) @ rng.uniform(-1, 1, 2)
    path = [e]
    for _ in range(30):
        path.append(G(path[-1]))
    a, c = rng.uniform(1.3, 2), 1.1
    H = lambda e: np.array([a, c]) * e + 0.5 * e[::-1] ** 2  # remainder below 0.1
    first, ball = rng.uniform(0.01, 0.1), 0.1
    grown = H(np.array([first, rng.uniform(-first, first)]))
    z = np.linalg.eigvals(W)
    z = z.real.clip(0.1) + 1j * z.imag
    edge = 2 * z.real / abs(z) ** 2
    return locals()


def contraction() -> Derivation:
    """A map that contracts settles; near a rest the spectral radius is its rate.

    Theorems checked: theorem-contraction, theorem-radius.
    """
    return derivation(
        _contraction_points,
        {
            "The dynamics contract (theorem-contraction)": {
                "each move is at most q times the one before": "moves[1:] <= q * moves[:-1]",
                "so at most qᵗ ‖u₁ − u₀‖": "moves <= q**t * moves[0]",
                "the limit is a fixed point": "F(rest) == rest",
                "from any start the same": "states[-1] == rest",
                "added up: qᵗ/(1 − q) ‖u₁ − u₀‖": "off <= q**t / (1 - q) * moves[0]",
            },
            "The local rate (theorem-radius)": {
                "rescaled, F′ stretches by ρ + ε/2 at most": (
                    "norm(N @ F_u @ inv(N), 2) <= rho + eps / 2"
                ),
                "the remainder is small in a ball": "size(G(e) - F_u @ e) <= eps / 2 * size(e)",
                "together: ρ + ε": "size(G(e)) <= (rho + eps) * size(e)",
                "norms agree up to κ": (
                    "np.linalg.norm(path, axis=1) "
                    "<= np.linalg.cond(N) * (rho + eps) ** np.arange(31) * norm(e)"
                ),
                "repulsion: the larger part stays the larger": "abs(grown[1]) <= abs(grown[0])",
                "and grows by a − δ": "(a - 0.1) * first <= abs(grown[0])",
                "a step: F′ has the eigenvalue 1 − dt z": (
                    "np.poly(np.eye(4) - dt * W) == np.poly(1 - dt * np.linalg.eigvals(W)).real"
                ),
                "|1 − dt z|² = 1 − 2 dt Re z + dt² |z|²": (
                    "abs(1 - dt * z) ** 2 == 1 - 2 * dt * z.real + dt**2 * abs(z) ** 2"
                ),
                "1 at dt = 2 Re z/|z|²": "abs(1 - edge * z) == np.ones(4)",
                "below 1 before, above 1 after": (
                    "(abs(1 - 0.99 * edge * z), np.ones(4)) "
                    "<= (np.ones(4), abs(1 - 1.01 * edge * z))"
                ),
            },
        },
    )
