"""Feedback: which feedback is exact, and how others become so (chapter 4)."""

import numpy as np

import sevenconditions as sc
from sevenconditions import dynamics, feedback
from sevenconditions.derivations import Derivation, derivation


def _exact_points(rng):
    net = sc.layered((3, 4, 5, 3), rng=rng, bias=0.3)
    (x, y), (s1, s2) = rng.standard_normal((2, 1, 3)), rng.uniform(0.5, 2, 2)
    D1, D2 = (np.diag(1 - v[0] ** 2) for v in dynamics.forward_pass(net, x)[1][:2])
    (W2, W3), (d1, d2, d3) = net.weights[1:], sc.backprop(net, x, y).biases
    B3, R = s2 * W3.T, rng.standard_normal((4, 5))
    reach = D2 @ W3.T  # its columns span S_2
    B2 = s1 / s2 * W2.T + R @ (np.eye(5) - reach @ np.linalg.pinv(reach))
    sent = feedback.delivered_gradient(net.replace(feedback=[None, B2, B3]), x, y).biases
    # many lower units; pairs of entries with correlation k
    k, c, many = *rng.uniform(-0.9, 0.9, 2), 20_000
    W, R = rng.standard_normal((2, 3, many))
    B = 0.5 * (k * W + np.sqrt(1 - k**2) * R).T
    d, e = np.eye(3)[0], np.array([c, np.sqrt(1 - c**2), 0])
    M, M_hat = rng.standard_normal((2, 3, 2))
    thin = rng.standard_normal((2, 2, 200, 200))
    pairs = [(A, k * A.T + np.sqrt(1 - k**2) * N.T) for A, N in thin]
    top = rng.standard_normal(200)
    down = lambda side: pairs[1][side] @ (pairs[0][side] @ top)
    return locals()


def exact() -> Derivation:
    """Which feedback is exact, and what every hop costs where it is not.

    Theorems checked: theorem-exact, theorem-hop.
    """
    return derivation(
        _exact_points,
        {
            "When feedback is exact (theorem-exact)": {
                "at the top both sides agree": "sent[2] == d3",
                "δ̂_l = s_{l+1} D B δ_{l+1}": "sent[1] == 1 * D2 @ B3 @ d3",
                "s_l δ_l = s_l D Wᵀ δ_{l+1}": "s1 * d1 == s1 * D1 @ W2.T @ d2",
                "where B δ = (s_l/s_{l+1}) Wᵀ δ …": "B2 @ d2 == s1 / s2 * W2.T @ d2",
                "… every layer is exact up to s_l": "sent == (s1 * d1, s2 * d2, d3)",
                "though B is not a multiple of Wᵀ": "0.1 <= norm(B2 - s1 / s2 * W2.T) / norm(W2)",
            },
            "One factor a hop (theorem-hop)": {
                "mean product: κ σ_W σ_B δ · δ̂": (
                    "abs(np.mean((W.T @ d) * (B @ e)) - k * 0.5 * c) <= 0.03"
                ),
                "mean squares: σ_W² ‖δ‖² and σ_B² ‖δ̂‖²": (
                    "np.abs([np.mean((W.T @ d) ** 2) - 1, np.mean((B @ e) ** 2) - 0.25]) <= 0.05"
                ),
                "the cosine: κ c₀": "abs(sc.cosine(W.T @ d, B @ e) - k * c) <= 0.03",
                "weights too: κ times the cosine of M and M̂": (
                    "abs(sc.cosine(W.T @ M, B @ M_hat) - k * sc.cosine(M, M_hat)) <= 0.03"
                ),
                "two hops through 200 units: κ²": (
                    "abs(sc.cosine(pairs[1][0].T @ pairs[0][0].T @ top, down(1)) - k**2) <= 0.3"
                ),
            },
        },
    )


def _kolen_pollack_points(rng):
    (W, B), lam, t = rng.standard_normal((2, 3, 3)), rng.uniform(0.1, 0.5), rng.integers(2, 9)
    course = [(W, B)]
    for push in rng.standard_normal((t, 3, 3)):
        course.append(((1 - lam) * course[-1][0] + push, (1 - lam) * course[-1][1] + push.T))
    gap = lambda t: course[t][1] - course[t][0].T
    return locals()


def kolen_pollack() -> Derivation:
    """Equal updates with decay make feedback symmetric.

    Theorem checked: theorem-kp.
    """
    return derivation(
        _kolen_pollack_points,
        {
            "Kolen-Pollack (theorem-kp)": {
                "one step: the increments cancel": "gap(1) == (1 - lam) * gap(0)",
                "t steps": "gap(t) == (1 - lam) ** t * gap(0)",
            },
        },
    )


def _feedback_alignment_points(rng):
    T, B = rng.uniform(-1, 1, (2, 4)), rng.uniform(-1, 1, (3, 2))
    pair = lambda s: (s[:12].reshape(3, 4), s[12:].reshape(2, 3))
    error = lambda s: T - pair(s)[1] @ pair(s)[0]
    flow = lambda s: np.r_[(B @ error(s)).ravel(), (error(s) @ pair(s)[0].T).ravel()]
    s = np.zeros(18)
    for _ in range(300):  # fourth order, to time 3
        k1 = flow(s)
        k2 = flow(s + 0.005 * k1)
        k3 = flow(s + 0.005 * k2)
        s = s + 0.01 / 6 * (k1 + 2 * k2 + 2 * k3 + flow(s + 0.01 * k3))
    (W1, W2), any_state = pair(s), rng.standard_normal(18)
    rate = lambda f, s: sc.derivative(lambda t: f(s + t * flow(s)), 0.0)
    Q, P = (lambda s: B @ pair(s)[1]), (lambda s: B @ error(s))
    V = pair(any_state)[0]
    return locals()


def feedback_alignment() -> Derivation:
    """With random feedback the weights of a linear network align to it.

    Theorem checked: theorem-fa.
    """
    return derivation(
        _feedback_alignment_points,
        {
            "Feedback alignment, one linear hidden layer (theorem-fa)": {
                "dQ/dt = BE W₁ᵀ = (dW₁/dt) W₁ᵀ": (
                    "rate(Q, any_state) == rate(lambda s: pair(s)[0], any_state) @ V.T"
                ),
                "with its transpose: d/dt (W₁W₁ᵀ)": (
                    "rate(lambda s: Q(s) + Q(s).T, any_state) "
                    "== rate(lambda s: pair(s)[0] @ pair(s)[0].T, any_state)"
                ),
                "along the course: Q + Qᵀ = W₁W₁ᵀ": "Q(s) + Q(s).T == W1 @ W1.T",
                "the trace: 2⟨B, W₂ᵀ⟩ = ‖W₁‖²": "2 * np.sum(B * W2.T) == norm(W1) ** 2",
                "dP/dt = −P W₁ᵀW₁ − Q P": (
                    "rate(P, any_state) == -P(any_state) @ V.T @ V - Q(any_state) @ P(any_state)"
                ),
                "½ d‖P‖²/dt on the course": (
                    "rate(lambda s: norm(P(s)) ** 2 / 2, s) "
                    "== -(norm(P(s) @ W1.T) ** 2) - norm(W1.T @ P(s)) ** 2 / 2"
                ),
                "≤ 0": "rate(lambda s: norm(P(s)) ** 2 / 2, s) <= 0",
            },
        },
        n=10,
        bound=1e-7,
    )
