"""Architecture: when the gradient at rest is that of backprop (chapter 7)."""

import numpy as np

import sevenconditions as sc
from sevenconditions import dynamics, predictive, solvers
from sevenconditions.derivations import Derivation, derivation
from sevenconditions.exact import bptt_by_step


def _replay_points(rng):
    c, gamma = rng.uniform(0.2, 0.9, 2)
    net = sc.layered((2, 3, 2), rng=rng, bias=0.3, cancellation=c, feedback_gain=gamma)
    (x, y), dt, T = rng.standard_normal((2, 1, 2)), 0.4, 4
    free = solvers.newton(net, x)
    rest = np.hstack(free.potentials)[0]
    cut = lambda u: (u[None, :3], u[None, 3:])
    R = lambda u, b=0.0, net=net: np.hstack(dynamics.residual(net, x, cut(u), y=y, beta=b))[0]
    read = lambda u: dynamics.signals(net, x, dynamics.rates(net, cut(u)))
    h = lambda u: dynamics.local_product(net, read(u)).flat()
    D = np.diag(np.r_[1 / np.cosh(rest[:3]) ** 2, 1, 1])
    M, g = np.diag([1 / gamma] * 3 + [1, 1]), np.r_[0, 0, 0, rest[3:] - y[0]]
    J = sc.derivative(R, rest) @ np.linalg.inv(D)
    lam = np.linalg.solve(J.T, g)

    def moved(th):  # the network with th added to its parameters, feedback tied
        W, V, a, b = np.split(th, [6, 12, 15])
        weights = net.weights[0] + W.reshape(3, 2), net.weights[1] + V.reshape(2, 3)
        biases = net.biases[0] + a, net.biases[1] + b
        return net.replace(weights=weights, biases=biases, feedback=None)

    def run(b, u=rest, steps=T):
        path = [u]
        for _ in range(steps):
            path.append(path[-1] - dt * R(path[-1], b))
        return np.array(path)

    R_th = sc.derivative(lambda th: R(rest, net=moved(th)), np.zeros(17))
    w, reads = sc.derivative(run, 0.0), sc.derivative(lambda b: [*map(h, run(b))], 0.0)
    C = lambda u: 0.5 * ((u[3:] - y[0]) ** 2).sum()
    back = [sc.derivative(lambda u, t=t: C(run(0.0, u, t)[-1]), rest) for t in range(T)]
    by_v = back @ np.linalg.inv(D)
    n = {"n_steps": T, "dt": dt, "at": free, "tied": True}
    copies = [part.flat() for part in bptt_by_step(net, x, y, **n).parameters]
    summed = sc.bptt(net, x, y, **n).flat()
    judged = sc.recurrent_backprop(net, x, y, tied=True).flat()
    power = lambda A, t: np.linalg.matrix_power(np.eye(5) - dt * A, t)
    return locals()


def replay() -> Derivation:
    """The nudged phase replays backprop through time, and its sum tends to the gradient at rest.

    Theorems checked: theorem-replay, theorem-tail.
    """
    return derivation(
        _replay_points,
        {
            "Step by step: the nudged phase is backprop through time (theorem-replay)": {
                "M⁻¹ g = g": "inv(M) @ g == g",
                "w_{t+1} = (I − dt JD) w_t − dt g": "w[1:] == w[:-1] @ power(J @ D, 1).T - dt * g",
                "w_{t+1} − w_t = −dt (I − dt JD)ᵗ g": (
                    "np.diff(w, axis=0) == [-dt * power(J @ D, t) @ g for t in range(T)]"
                ),
                "backwards: (I − dt DJᵀ)ᵗ D g": (
                    "back == [power(D @ J.T, t) @ D @ g for t in range(T)]"
                ),
                "= D (I − dt JᵀD)ᵗ g": "back == [D @ power(J.T @ D, t) @ g for t in range(T)]",
                "symmetry: Jᵀ = M J M⁻¹": "J.T == M @ J @ inv(M)",
                "JᵀD = M (JD) M⁻¹": "J.T @ D == M @ (J @ D) @ inv(M)",
                "dC/dv = M (I − dt JD)ᵗ M⁻¹ g": (
                    "by_v == [M @ power(J @ D, t) @ inv(M) @ g for t in range(T)]"
                ),
                "= −M (w_{t+1} − w_t)/dt": "by_v == -np.diff(w, axis=0) @ M / dt",
                "∂h/∂v = −(∂R/∂θ)ᵀ M": "derivative(h, rest) @ inv(D) == -R_th.T @ M",
                "h changes by −(∂R/∂θ)ᵀ M D (w_{t+1} − w_t)": (
                    "np.diff(reads, axis=0) == -np.diff(w, axis=0) @ D @ M @ R_th"
                ),
                "backwards: −dt (∂R/∂θ)ᵀ D dC/dv": "copies == -dt * by_v @ D @ R_th",
                "= (∂R/∂θ)ᵀ D M (w_{t+1} − w_t)": "copies == np.diff(w, axis=0) @ M @ D @ R_th",
                "the same with the other sign": "copies == -np.diff(reads, axis=0)",
            },
            "Summed over time: backprop through time becomes recurrent backprop (theorem-tail)": {
                "a copy: −dt (∂R/∂θ)ᵀ Nᵗ D ∂C/∂v": (
                    "copies == [-dt * R_th.T @ power(D @ J.T, t) @ D @ g for t in range(T)]"
                ),
                "the geometric series": (
                    "dt * sum(power(D @ J.T, t) for t in range(T)) "
                    "== (np.eye(5) - power(D @ J.T, T)) @ inv(D @ J.T)"
                ),
                "(DJᵀ)⁻¹ D = J⁻ᵀ": "inv(D @ J.T) @ D == inv(J).T",
                "g_n = −(∂R/∂θ)ᵀ (I − Nⁿ) λ": (
                    "summed == -R_th.T @ (np.eye(5) - power(D @ J.T, T)) @ lam"
                ),
                "what is left to the gradient at rest": (
                    "summed - judged == R_th.T @ power(D @ J.T, T) @ lam"
                ),
            },
        },
        n=10,
        bound=1e-7,
    )


def _matched_points(rng):
    gamma, (x, y) = rng.uniform(0.2, 0.9), rng.standard_normal((2, 1, 2))
    net = sc.layered((2, 3, 2, 2), rng=rng, bias=0.3, cancellation=1.0, feedback_gain=gamma)
    cut = lambda u: tuple(np.split(u[None], [3, 5], axis=1))
    drive = lambda v: np.hstack(dynamics.drives(net, x, cut(v)))[0]
    back = lambda v: np.r_[np.arctanh(v[:5]), v[5:]]  # the potentials of rates v
    q = lambda v: v - np.r_[np.tanh(drive(v)[:5]), drive(v)[5:]]
    R = lambda v: np.hstack(dynamics.residual(net, x, cut(back(v))))[0]
    a, v = (np.hstack(each)[0] for each in dynamics.forward_pass(net, x))
    D, W = np.diag(np.r_[1 / np.cosh(a[:5]) ** 2, 1, 1]), np.zeros((7, 7))
    W[3:5, :3], W[5:, 3:5] = net.weights[1:]
    M, K = np.diag([gamma**-2] * 3 + [1 / gamma] * 2 + [1, 1]), np.eye(7) - D @ W
    J = sc.derivative(R, v)
    state = lambda **dials: np.hstack(solvers.newton(net.replace(**dials), x).rates)
    judged = lambda **dials: sc.recurrent_backprop(net.replace(**dials), x, y, tied=True).flat()
    forward = sc.backprop(net, x, y).flat()
    return locals()


def matched() -> Derivation:
    """The gradient at rest is that of backprop where the free phase is a forward pass.

    Theorem checked: theorem-matched.
    """
    return derivation(
        _matched_points,
        {
            "At rest: when the equilibrium gradient is backprop (theorem-matched)": {
                "1: the forward pass rests": "state()[0] == v",
                "δq = K δv": "derivative(q, v) == K",
                "the first two terms: D⁻¹ K δv": (
                    "derivative(lambda v: back(v) - drive(v), v) == inv(D) @ K"
                ),
                "J = (D⁻¹ − γ Wᵀ) K": "J == (inv(D) - gamma * W.T) @ K",
                "M Wᵀ = γ⁻¹ Wᵀ M": "M @ W.T == W.T @ M / gamma",
                "M (D⁻¹ − γ Wᵀ) = (I − WᵀD) M D⁻¹": (
                    "M @ (inv(D) - gamma * W.T) == (np.eye(7) - W.T @ D) @ M @ inv(D)"
                ),
                "M J = Kᵀ M D⁻¹ K": "M @ J == K.T @ M @ inv(D) @ K",
                "M J is positive definite": "1e-9 <= np.linalg.eigvalsh(M @ J)",
                "the tied gradient is that of backprop": "judged() == forward",
                "2: the state differs by O(1 − c)": (
                    "0.9 <= order(lambda s: state(cancellation=1 - s) - v, 1e-3)"
                ),
                "and the gradient": (
                    "0.9 <= order(lambda s: judged(cancellation=1 - s) - forward, 1e-3)"
                ),
                "the state by O(γ) at c = ½": (
                    "0.9 <= order(lambda s: state(cancellation=0.5, feedback_gain=s) - v, 1e-3)"
                ),
                "and the gradient by O(γ)": (
                    "0.9 <= order(lambda s: "
                    "judged(cancellation=0.5, feedback_gain=s) - forward, 1e-3)"
                ),
            },
        },
        n=10,
        bound=1e-7,
    )


def _arrival_points(rng):
    gamma, (x, y) = rng.uniform(0.2, 0.9), rng.standard_normal((2, 1, 2))
    net = sc.layered((2, 3, 2, 2), rng=rng, bias=0.3, cancellation=1.0, feedback_gain=gamma)
    u0, _ = dynamics.forward_pass(net, x)

    def after(steps, b, u=u0):  # full steps of the nudged network
        for _ in range(steps):
            R = dynamics.residual(net, x, u, y=y, beta=b)
            u = [each - r for each, r in zip(u, R, strict=True)]
        return dynamics.signals(net, x, dynamics.rates(net, u))

    post = lambda l: sc.derivative(lambda b: after(3 - l, b).post[l][0], 0.0)
    q1, q2, q3 = map(post, range(3))
    W2, W3 = net.weights[1:]
    D1, D2 = (np.diag(1 / np.cosh(u[0]) ** 2) for u in u0[:2])
    wanted = sc.backprop(net, x, y)
    return locals()


def arrival() -> Derivation:
    """What first arrives of a nudge in each layer carries the gradient of backprop.

    Theorem checked: theorem-arrival.
    """
    return derivation(
        _arrival_points,
        {
            "First arrival (theorem-arrival)": {
                "after step 1, q_L = −β δ_L": "q3 == -wanted.biases[2]",
                "after step 2, q_{L−1} = γ D Wᵀ q_L": "q2 == gamma * D2 @ W3.T @ q3",
                "after step 3, again one hop": "q1 == gamma * D1 @ W2.T @ q2",
                "γ^(l−L) q_l = −β δ_l": (
                    "(q1 / gamma**2, q2 / gamma, q3) == tuple(-d for d in wanted.biases)"
                ),
                "the rates below are those of the forward pass": (
                    "(after(1, 0.5).pre[2], after(2, 0.5).pre[1]) "
                    "== (np.tanh(u0[1]), np.tanh(u0[0]))"
                ),
                "the product tends to minus the gradient": (
                    "0.9 <= order(lambda b: "
                    "predictive.first_arrival(net, x, y, b).minus(wanted).flat(), 1e-3)"
                ),
            },
        },
        n=10,
        bound=1e-7,
    )
