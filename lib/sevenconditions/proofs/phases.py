"""Phases: what one reading, two readings and a code of errors leave over (chapter 3)."""

import numpy as np

import sevenconditions as sc
from sevenconditions import architecture, compartments, dynamics, nudging, phases, solvers
from sevenconditions.derivations import Derivation, derivation
from sevenconditions.dynamics import signals


def _one_phase_points(rng):
    c, b, (x, y) = *rng.uniform(0.2, 0.9, 2), rng.standard_normal((2, 1, 2))
    net = sc.layered((2, 3, 2), rng=rng, bias=0.3, cancellation=c)
    other = net.replace(cancellation=1.0, feedback=[None, rng.standard_normal((3, 2))])
    as_it_is = sc.ALL_HOLD._replace(
        architecture=architecture.as_given, nudging=nudging.one_sided(b)
    )
    estimate = lambda read: sc.estimate_gradient(net, x, y, as_it_is._replace(phases=read)).flat()
    two, one = estimate(phases.two_phases), estimate(phases.compartments)
    free, (a, v) = solvers.newton(net, x), dynamics.forward_pass(net, x)
    h0, q = sc.hebbian(net, x, free), signals(net, x, free.rates).post
    # the energy at c = 1, at any state and at the forward pass
    lifted, u = net.replace(cancellation=1.0), tuple(rng.standard_normal((2, 1, 3)))
    u = u[0], u[1][:, :2]
    changed = lambda W: lifted.replace(weights=[W, net.weights[1]])
    E = lambda W, u: sc.energy(changed(W), x, u)[0]
    far = rng.standard_normal((3, 2))
    W, grid = net.weights[0], np.tanh(np.linspace(-5, 5, 20_001))
    G = grid * np.arctanh(grid) + 0.5 * np.log1p(-(grid**2))
    return locals()


def one_phase() -> Derivation:
    """Where the free mismatch is zero, one reading is enough.

    Theorems checked: theorem-one-phase, theorem-energy.
    """
    return derivation(
        _one_phase_points,
        {
            "One phase is enough (theorem-one-phase)": {
                "the two readings differ by h⁰/β": "two - one == h0.flat() / b",
                "(1) the bias entries of h⁰ are the q_l": "h0.biases == q",
                "(2) c = 1: the forward pass, for any feedback": (
                    "solvers.newton(other, x).potentials == a"
                ),
                "and every q_l = 0 there": "norm(np.hstack(signals(other, x, v).post)) <= 1e-12",
                "(3) where u = a, q = (1 − c) φ(a)": (
                    "signals(net, x, v).post == tuple((1 - c) * each for each in v)"
                ),
            },
            "No energy, no residue (theorem-energy)": {
                "G*(a) = sup (v · a − G(v))": (
                    "np.log(np.cosh(1 + b)) == np.max(grid * (1 + b) - G)"
                ),
                "a gap is never negative, and 0 only at v = φ(a)": "1e-9 <= E(W, u)",
                "E = 0 at the forward pass": "abs(E(W, a)) <= 1e-12",
                "and no θ makes it less there": "1e-9 <= E(W + far, a)",
                "so its derivative vanishes": "norm(derivative(lambda W: E(W, a), W)) <= 1e-7",
                "∂E/∂W = (φ(a) − v) v_{l−1}ᵀ": (
                    "derivative(lambda W: E(W, u), W) "
                    "== np.outer(np.tanh(W @ x[0] + net.biases[0]) - np.tanh(u[0][0]), x)"
                ),
            },
        },
        bound=1e-7,
    )


def _odd_points(rng):
    small, tanh = sc.layered((2, 3, 3, 2), rng=rng, bias=0.3), sc.activation("tanh")
    (x, y), (a, h) = rng.standard_normal((2, 1, 2)), rng.standard_normal((2, 5))
    wanted, k = sc.backprop(small, x, y), 0.8 / 1.9
    dual, burst = compartments.dual_propagation, compartments.burst_dependent
    error = lambda code: code(small, x, y).minus(wanted).flat()
    two, half = dual(0.1), burst(0.1)
    circuit = lambda s: compartments.conductance_microcircuit(s, rescale=False)
    hops = [(k * (1 - k)) ** (2 - l) * d for l, d in enumerate(wanted.biases)]
    left = lambda s: np.hstack(circuit(s)(small, x, y).biases) - np.hstack(hops)
    return locals()


def odd() -> Derivation:
    """Errors that travel as odd messages are off by the square of the nudge.

    Theorem checked: theorem-odd.
    """
    return derivation(
        _odd_points,
        {
            "Odd messages (theorem-odd)": {
                "dual propagation: what is carried and read is odd": (
                    "two.read(tanh, a, h) == -two.carried(tanh, a, -h)"
                ),
                "what goes up is even": "two.rate(tanh, a, h) == two.rate(tanh, a, -h)",
                "the burst code at p₀ = ½: odd": (
                    "half.read(tanh, a, h) == -half.carried(tanh, a, -h)"
                ),
                "so the error of the first is O(β²)": "1.9 <= order(lambda b: error(dual(b)))",
                "and that of the second": "1.9 <= order(lambda b: error(burst(b)))",
                "at p₀ = 0.2 a linear term remains": (
                    "order(lambda b: error(burst(b, 0.2)), 1e-3) <= 1.1"
                ),
                "a hop keeps α = k_A (1 − λ_I)": "0.9 <= order(left, 1e-3)",
            },
        },
    )


def _leak_points(rng):
    x, y = rng.standard_normal((2, 1, 2))
    full = sc.layered((2, 3, 3, 2), rng=rng, bias=0.3, cancellation=1.0)
    short = lambda d: full.replace(cancellation=1 - d)
    free = lambda d: solvers.newton(short(d), x)
    q = lambda d: np.hstack(signals(short(d), x, free(d).rates).post)[0]
    drive = lambda d: np.hstack(dynamics.drives(full, x, free(d).rates))[0]
    phi = lambda a: np.r_[np.tanh(a[:6]), a[6:]]
    a, v = (np.hstack(each)[0] for each in dynamics.forward_pass(full, x))
    D, B = np.diag(np.r_[1 / np.cosh(a[:6]) ** 2, 1, 1]), np.zeros((8, 8))
    B[:3, 3:6], B[3:6, 6:] = full.feedback[1:]
    held = sc.ALL_HOLD._replace(architecture=architecture.as_given, nudging=nudging.one_sided(0.1))
    read = lambda d, how: sc.estimate_gradient(short(d), x, y, held._replace(phases=how)).flat()
    off = lambda d: read(d, phases.compartments) - read(d, phases.two_phases)
    return locals()


def leak() -> Derivation:
    """What an incomplete cancellation leaves in a single reading.

    Theorem checked: theorem-leak.
    """
    return derivation(
        _leak_points,
        {
            "What leaks (theorem-leak)": {
                "q = φ(u) − φ(a) + δ φ(a)": (
                    "q(0.1) "
                    "== np.hstack(free(0.1).rates)[0] - phi(drive(0.1)) + 0.1 * phi(drive(0.1))"
                ),
                "= D B q + δ v + O(δ²)": (
                    "1.9 <= order(lambda d: q(d) - D @ B @ q(d) - d * v, 1e-3)"
                ),
                "DB is nilpotent": "norm(np.linalg.matrix_power(D @ B, 3)) <= 1e-12",
                "q⁰ = δ (I − DB)⁻¹ v + O(δ²)": (
                    "1.9 <= order(lambda d: q(d) - d * np.linalg.solve(np.eye(8) - D @ B, v), 1e-3)"
                ),
                "the single reading is off by −h⁰/β": (
                    "off(0.1) == -sc.hebbian(short(0.1), x, free(0.1)).flat() / 0.1"
                ),
                "δ/β times a vector, to first order": (
                    "0.9 <= order(lambda d: off(2 * d) / (2 * d) - off(d) / d, 1e-3)"
                ),
            },
        },
        n=5,
        bound=1e-7,
    )


def _noise_points(rng):
    (g, n), size = rng.standard_normal((2, 100_000)), rng.uniform(0.3, 2)
    n = size * n
    s, r = g @ n / (g @ g), n @ n / (g @ g)
    return locals()


def noise() -> Derivation:
    """What noise leaves of the cosine.

    Theorem checked: theorem-noise.
    """
    return derivation(
        _noise_points,
        {
            "The noise law (theorem-noise)": {
                "the cosine is (1 + s)/√(1 + 2s + r)": (
                    "sc.cosine(g + n, g) == (1 + s) / np.sqrt(1 + 2 * s + r)"
                ),
                "in 100 000 directions near the limit 1/√(1 + d₃)": (
                    "abs(sc.cosine(g + n, g) - 1 / np.sqrt(1 + size**2)) <= 0.01"
                ),
            },
        },
    )
