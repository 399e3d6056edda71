"""The smallest networks do what they are there to show."""

import numpy as np
import pytest

import sevenconditions as sc
from sevenconditions import dynamics, feedback
from sevenconditions.examples import (
    couple,
    excitatory_inhibitory,
    partly_answered,
    rotor,
    row,
)


def flow(net):
    """Eigenvalues of dR/du at silence."""
    x = np.zeros((1, net.sizes[0]))
    return np.linalg.eigvals(dynamics.jacobian(net, x, dynamics.silence(net, 1)))[0]


@pytest.mark.parametrize("weight", [0.5, 1.2])
def test_a_couple_has_the_eigenvalues_of_its_weight(weight):
    np.testing.assert_allclose(np.sort(flow(couple(weight)).real), [1 - weight, 1 + weight])


def test_a_couple_rests_where_the_geometric_series_says():
    rest = sc.settle(couple(0.5, units="linear"), [1.5])
    assert rest.potentials[0].item() == pytest.approx(1.5 / (1 - 0.25))


@pytest.mark.parametrize("excitation", [0.7, 1.3])
def test_a_rotor_has_the_complex_pair_of_its_docstring(excitation):
    values = flow(rotor(excitation, rotation=2.0))
    np.testing.assert_allclose(np.sort_complex(values), [1 - excitation - 2j, 1 - excitation + 2j])


def test_a_rotor_settles_below_one_and_circles_above():
    start = ([[0.1, 0.0]],)
    assert sc.settle(rotor(0.8), [0.0], start=start).converged
    assert not sc.settle(rotor(1.2), [0.0], start=start, quiet=True).converged


@pytest.mark.parametrize("onward", [0.0, 2.0])
def test_a_row_keeps_its_radius_but_not_its_norm(onward):
    loop = row(12, own=0.5, onward=onward).lateral[1]
    assert np.linalg.eigvals(loop) == pytest.approx(0.5)
    assert (np.linalg.norm(loop, 2) > 1) == (onward > 1)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: couple(np.nan), "weight: got nan"),
        (lambda: rotor("1"), "excitation: got '1'"),
        (lambda: row(1, own=0.5, onward=1.0), "n: got 1, expected a whole number of at least 2"),
    ],
)
def test_bad_numbers_are_refused_by_name(make, says):
    with pytest.raises(ValueError, match=says):
        make()


def test_inhibition_breaks_the_symmetry_and_keeps_it_up_to_a_sign():
    base = sc.layered((4, 6, 3), rng=np.random.default_rng(0))
    net = excitatory_inhibitory(base, 2, 0.8, rng=np.random.default_rng(1))
    x = np.random.default_rng(2).standard_normal((1, 4))
    rest = sc.free_phase(net, x, dt=0.5)
    pairs = zip(net.phis, rest.potentials, strict=True)
    slopes = np.concatenate([phi.derivative(u)[0] for phi, u in pairs])
    jacobian = dynamics.jacobian(net, x, rest.potentials)[0] / slopes
    signature = np.diag([1.0] * 4 + [-1.0] * 2 + [1.0] * 3)
    assert np.abs(jacobian - jacobian.T).max() > 0.1
    np.testing.assert_allclose(signature @ jacobian, (signature @ jacobian).T, atol=1e-12)


@pytest.mark.parametrize(("share", "spread"), [(0.5, 0.0), (0.8, 0.5)])
def test_partly_answered_weights_have_the_alignment_of_the_docstring(share, spread):
    base = sc.layered((5, 300, 300), rng=np.random.default_rng(0))
    made = partly_answered(base, share, spread=spread, rng=np.random.default_rng(1))
    assert feedback.alignment(made)[0] == pytest.approx(share * np.exp(-(spread**2)), abs=0.03)
    kept = made.weights[1] != 0
    assert np.mean(kept) == pytest.approx(0.1, abs=0.01)
    assert np.mean(made.feedback[1] != 0) == pytest.approx(0.1, abs=0.01)
    assert np.all(np.sign(made.weights[1][kept]) == np.sign(base.weights[1][kept]))
