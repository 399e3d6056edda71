"""The equation of motion and its Jacobian, against the judge's own form and central differences."""

import numpy as np
import pytest
from networks import SMOOTH, example

import sevenconditions as sc
from sevenconditions import dynamics
from sevenconditions.exact import _Stacked


def generic(seed, **options):
    """A network with every term switched on: feedback of its own, lateral, c and gamma."""
    net, x, y = example(seed, **{"cancellation": 0.6, "feedback_gain": 0.7} | options)
    rng = np.random.default_rng(seed + 100)
    net = net.replace(
        feedback=[None, *(rng.standard_normal(b.shape) / 3 for b in net.feedback[1:])],
        lateral=[None, *(rng.standard_normal((n, n)) / 3 for n in net.sizes[1:])],
    )
    return net, x, y, tuple(rng.standard_normal((len(x), n)) for n in net.sizes[1:])


@pytest.mark.parametrize("activation", SMOOTH)
def test_layer_by_layer_and_stacked_forms_of_the_motion_agree(activation):
    net, x, _, u = generic(0, activation=activation, output="logistic")
    stacked = _Stacked(net, x).motion(np.concatenate(u, axis=1))
    np.testing.assert_allclose(
        np.concatenate(dynamics.residual(net, x, u), axis=1), stacked, atol=1e-14
    )


@pytest.mark.parametrize("activation", SMOOTH)
@pytest.mark.parametrize("beta", [0.0, 0.7])
def test_jacobian_is_the_slope_of_the_residual(activation, beta):
    net, x, y, u = generic(1, activation=activation, output="tanh", n_samples=2)
    flat = np.concatenate(u, axis=1)
    cuts = np.cumsum(net.sizes[1:-1])

    def motion(states):
        parts = tuple(np.split(states, cuts, axis=1))
        return np.concatenate(dynamics.residual(net, x, parts, y=y, beta=beta), axis=1)

    step = 1e-6
    columns = [
        (motion(flat + step * unit) - motion(flat - step * unit)) / (2 * step)
        for unit in np.eye(flat.shape[1])
    ]
    np.testing.assert_allclose(
        dynamics.jacobian(net, x, u, beta=beta), np.stack(columns, axis=2), atol=1e-8
    )


def test_the_nudge_pulls_the_output_towards_the_target_only():
    net, x, y, u = generic(2)
    plain, nudged = dynamics.residual(net, x, u), dynamics.residual(net, x, u, y=y, beta=0.5)
    for a, b in zip(plain[:-1], nudged[:-1], strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_allclose(nudged[-1] - plain[-1], 0.5 * (u[-1] - y))


def test_a_nudge_without_a_target_is_refused():
    net, x, *_ = generic(3)
    with pytest.raises(ValueError, match="y: got None with beta = 0.5"):
        dynamics.as_input(net, x, None, 0.5)


@pytest.mark.parametrize("cancellation", [0.0, 0.6])
def test_under_a_clamp_no_rate_follows_the_potential_of_the_output(cancellation):
    net, x, y = example(4, output="tanh", n_samples=2, cancellation=cancellation)
    u = sc.free_phase(net, x).potentials
    found, step, columns = dynamics.jacobian(net, x, u, beta=np.inf), 1e-6, []
    for unit in np.eye(sum(net.sizes[1:])):
        ends = [
            np.concatenate(
                dynamics.residual(
                    net, x, dynamics.split(net, np.concatenate(u, axis=1) + sign * step * unit),
                    y=y, beta=np.inf,
                ),
                axis=1,
            )
            for sign in (1.0, -1.0)
        ]  # fmt: skip
        columns.append((ends[0] - ends[1]) / (2 * step))
    if cancellation == 0.0:  # what is predicted from a held rate is another matter
        np.testing.assert_allclose(found, np.stack(columns, axis=2), atol=1e-8)
    assert not found[:, :-5, -5:].any()
