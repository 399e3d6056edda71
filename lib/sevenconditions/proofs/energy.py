"""Energy: when there is one, and what it is good for (chapter 2)."""

import numpy as np
from scipy.optimize import root

import sevenconditions as sc
from sevenconditions.derivations import Derivation, derivation


def _potential_points(rng):
    nodes, shares = 0.5 * (np.polynomial.legendre.leggauss(24) + np.array([[1], [0]]))
    S, B = rng.standard_normal((4, 4)), rng.standard_normal((3, 4))
    m, (o, v, u) = rng.uniform(0.5, 2, 4), 0.5 * rng.standard_normal((3, 4))
    f = lambda v: v @ (S + S.T) + np.tanh(v @ B.T) @ B  # the force M R
    f_v = lambda v: S + S.T + (B.T / np.cosh(B @ v) ** 2) @ B
    J = f_v(v) / m[:, None]
    at = lambda t, v: o + np.multiply.outer(t, v - o)
    E = lambda v: shares @ f(at(nodes, v)) @ (v - o)
    terms = lambda t: f(at(t, v)) + t * f_v(at(t, v)).T @ (v - o)
    t, R, slope = rng.uniform(), f(np.tanh(u)) / m, 1 / np.cosh(u) ** 2
    fall = sc.derivative(lambda t: E(np.tanh(u - t * R)), 0.0)  # along the flow
    w = (S + S.T) / m[:, None]  # weights that have the metric m
    q = rng.uniform(0.5, 2, (4, 4))  # weights that obey (ii) on three cycles
    for i, j in ((0, 2), (1, 3), (0, 3)):
        q[j, i] = q[i, j] * np.prod([q[k + 1, k] / q[k, k + 1] for k in range(i, j)])
    walk = np.cumprod([1, *(q[k, k + 1] / q[k + 1, k] for k in range(3))])
    return locals()


def potential() -> Derivation:
    """Symmetry in a metric makes an energy, and the flow runs down it.

    Theorems checked: theorem-potential, theorem-balance, theorem-lyapunov.
    """
    return derivation(
        _potential_points,
        {
            "When there is an energy (theorem-potential)": {
                "only if: M J is the Hessian of E": (
                    "np.diag(m) @ J == derivative(lambda v: derivative(E, v, 0.01), v, 0.01)"
                ),
                "mixed derivatives commute": "m[:, None] * J == J.T * m",
                "∂E/∂vᵢ = ∫ [fᵢ + t Σⱼ (v − o)ⱼ ∂fⱼ/∂vᵢ] dt": (
                    "derivative(E, v) == shares @ [terms(t) for t in nodes]"
                ),
                "the bracket is d/dt [t fᵢ]": (
                    "terms(t) == derivative(lambda t: t * f(at(t, v)), t)"
                ),
                "∂E/∂vᵢ = fᵢ(v)": "derivative(E, v) == f(v)",
            },
            "Detailed balance (theorem-balance)": {
                "only if: around a cycle the m cancel": (
                    "w[1, 0] * w[2, 1] * w[0, 2] == w[0, 1] * w[1, 2] * w[2, 0]"
                ),
                "if: the m of the walk fit every other connection": (
                    "walk[:, None] * q == q.T * walk"
                ),
            },
            "Downhill (theorem-lyapunov)": {
                "τ dE/dt = Σ (∂E/∂vᵢ) φᵢ′ τ u̇ᵢ": (
                    "fall == -derivative(E, np.tanh(u)) @ (slope * R)"
                ),
                "= −Σ mᵢ Rᵢ φᵢ′ Rᵢ": "fall == -(m * slope) @ R**2",
                "≤ 0": "fall <= 0",
            },
        },
        bound=1e-6,
    )


def _reciprocity_points(rng):
    S, B, K = rng.standard_normal((3, 4, 4))
    C_v, y, th = np.r_[0, 0, rng.standard_normal(2)], *rng.standard_normal((2, 4)) / 3
    M = np.diag([*rng.uniform(0.5, 2, 2), 1, 1])
    J = np.linalg.solve(M, S + S.T)
    moved = lambda b: root(lambda v: J @ v + v**3 + b * C_v, 0 * C_v, tol=1e-13).x
    # an energy with parameters, its slopes, and a cost on the last two units
    E_v = lambda v, th: 3 * v + B.T @ np.tanh(B @ v) - K.T @ (np.cos(K @ v) * th)
    E_th = lambda v: -np.sin(K @ v)
    C, push = lambda v: ((v - y)[2:] ** 2).sum() / 2, lambda v: np.r_[0, 0, (v - y)[2:]]
    rest = lambda b, th: root(lambda v: E_v(v, th) + b * push(v), th, tol=1e-13).x
    v = rest(0, th)
    H, E_vth, g = sc.derivative(lambda v: E_v(v, th), v), -K.T * np.cos(K @ v), push(v)
    by_th = sc.derivative(lambda th: rest(0, th), th)
    by_beta = sc.derivative(lambda b: rest(b, th), 0.0)
    return locals()


def reciprocity() -> Derivation:
    """With an energy the response of a network is its adjoint response.

    Theorems checked: theorem-reciprocity, theorem-ep.
    """
    return derivation(
        _reciprocity_points,
        {
            "Reciprocity (theorem-reciprocity)": {
                "Jᵀ M = M J": "J.T @ M == M @ J",
                "M J⁻¹ = J⁻ᵀ M": "M @ inv(J) == inv(J.T) @ M",
                "M does not change ∂C/∂v": "M @ inv(J) @ C_v == inv(J.T) @ C_v",
                "λ = −M dv/dβ, with rests from a solver": (
                    "inv(J.T) @ C_v == -M @ derivative(moved, 0.0, 1e-4)"
                ),
            },
            "Equilibrium propagation (theorem-ep)": {
                "H dv/dθ = −E_vθ": "H @ by_th == -E_vth",
                "H dv/dβ = −∂C/∂v": "H @ by_beta == -g",
                "left side: −C_vᵀ H⁻¹ E_vθ": (
                    "derivative(lambda th: C(rest(0, th)), th) == -g @ inv(H) @ E_vth"
                ),
                "right side: −C_vᵀ H⁻ᵀ E_vθ": (
                    "derivative(lambda b: E_th(rest(b, th)), 0.0) == -np.linalg.solve(H, g) @ E_vth"
                ),
                "a Hessian is symmetric": "H == H.T",
            },
        },
        n=10,
        bound=1e-6,
    )


def _identity_points(rng):
    J, S = rng.standard_normal((2, 3, 3))
    C_v, d = rng.standard_normal((2, 3))
    A, adjoint = (J - J.T) / 2, np.linalg.solve(J.T, C_v)
    more = np.linalg.solve(J, C_v) - adjoint
    K = S + S.T + np.cross(np.eye(3), d)  # its antisymmetric part maps d to zero
    caused = K.T @ d
    M, c = np.diag([*rng.uniform(0.5, 2, 2), 1]), np.array([0, 0, C_v[2]])
    H = M @ J
    return locals()


def identity() -> Derivation:
    """What the antisymmetric part of the Jacobian adds to the response.

    Theorem checked: theorem-identity.
    """
    return derivation(
        _identity_points,
        {
            "What asymmetry adds (theorem-identity)": {
                "J⁻¹ − J⁻ᵀ = J⁻¹ (Jᵀ − J) J⁻ᵀ": (
                    "inv(J) - inv(J.T) == inv(J) @ (J.T - J) @ inv(J.T)"
                ),
                "= −2 J⁻¹ A J⁻ᵀ": "inv(J) - inv(J.T) == -2 * inv(J) @ A @ inv(J.T)",
                "λ̂ − λ = −2 J⁻¹ A λ": "more == -2 * inv(J) @ A @ adjoint",
                "‖λ̂ − λ‖ ≤ 2 ‖J⁻¹ A‖ ‖λ‖": "norm(more) <= 2 * norm(inv(J) @ A, 2) * norm(adjoint)",
                "A λ = 0: response and adjoint agree": "inv(K) @ caused == inv(K.T) @ caused",
                "in a metric": (
                    "M @ inv(J) @ c - inv(J.T) @ c == -M @ inv(H) @ (H - H.T) @ inv(H).T @ c"
                ),
            },
        },
    )
