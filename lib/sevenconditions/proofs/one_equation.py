"""The one equation: the gradient of a network at rest (chapter 0)."""

import numpy as np

import sevenconditions as sc
from sevenconditions import dynamics, solvers
from sevenconditions.derivations import Derivation, derivation


def _implicit_points(rng):
    net = sc.layered((2, 3, 2), rng=rng, bias=0.3)
    net = net.replace(feedback=[None, 0.5 * rng.standard_normal((3, 2))])
    (x, y), lines = rng.standard_normal((2, 1, 2)), rng.standard_normal((3, 3, 2))
    cut = lambda a: tuple(np.split(a[None], [3], axis=1))
    # three parameters, each of them a direction of the first weights
    moved = lambda th: [net.weights[0] + np.tensordot(th, lines, 1), net.weights[1]]
    at, theta = (lambda th: net.replace(weights=moved(th))), np.zeros(3)
    back = lambda v: np.r_[np.arctanh(v[:3]), v[3:]]  # the potentials of rates v
    R = lambda v, th: np.hstack(dynamics.residual(at(th), x, cut(back(v))))[0]
    C = lambda v: 0.5 * ((v[3:] - y[0]) ** 2).sum()
    rest = lambda th, b=0.0: np.hstack(solvers.newton(at(th), x, y=y, beta=b).rates)[0]
    v = rest(theta)
    J, C_v = sc.derivative(lambda v: R(v, theta), v), sc.derivative(C, v)
    R_th = sc.derivative(lambda th: R(v, th), theta)
    both = lambda v: np.append(v, C(v))
    *v_th, C_th = sc.derivative(lambda th: both(rest(th)), theta)
    judged = np.tensordot(lines, sc.recurrent_backprop(net, x, y).weights[0])
    return locals()


def implicit() -> Derivation:
    """The gradient at rest is the adjoint response, as the judge finds it.

    Theorem checked: theorem-implicit.
    """
    return derivation(
        _implicit_points,
        {
            "The gradient at rest (theorem-implicit)": {
                "J dv*/dθ = −∂R/∂θ": "J @ v_th == -R_th",
                "the chain rule": "C_th == C_v @ v_th",
                "dC/dθ = −(∂R/∂θ)ᵀ J⁻ᵀ ∂C/∂v": "C_th == -R_th.T @ inv(J).T @ C_v",
                "as the judge finds it": "judged == -R_th.T @ np.linalg.solve(J.T, C_v)",
                "a push: dv/dβ = −J⁻¹ ∂C/∂v": (
                    "derivative(lambda b: rest(theta, b), 0.0) == -inv(J) @ C_v"
                ),
            },
        },
        n=6,
        bound=1e-6,
    )
