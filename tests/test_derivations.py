"""A step that holds is shown with its residual; a step that does not stops the chapter."""

import re

import numpy as np
import pytest

from sevenconditions.derivations import Step, derivation, derivative, order, residual


def matrices(rng):
    J, S = rng.standard_normal((2, 3, 3))
    c, A = rng.standard_normal(3), (J - J.T) / 2
    return {"J": J, "S": S + S.T, "A": A, "c": c, "blame": np.linalg.solve(J.T, c)}


def checked(twin, points=matrices, **options):
    return derivation(points, {"A title (theorem-a)": {"a step": twin}}, **options)


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("inv(J) - inv(J.T) == -2 * inv(J) @ A @ inv(J.T)", ("-2", "2")),
        ("inv(J) - inv(J.T) == -2 * inv(J) @ A @ inv(J.T)", ("inv(J.T)", "inv(J)")),
        ("inv(J) @ c - blame == -2 * inv(J) @ A @ blame", ("- blame", "+ blame")),
        ("J.T @ blame == c", ("J.T", "J")),
        ("derivative(lambda v: v @ J @ v, c) == (J + J.T) @ c", ("J + J.T", "2 * J")),
        ("norm(A @ c) <= norm(A) * norm(c)", ("* norm(c)", "* 0.1")),
        ("1.9 <= order(lambda h: np.cos(h) - 1)", ("np.cos(h) - 1", "np.sin(h)")),
    ],
)
def test_a_sign_a_transpose_or_an_order_gone_wrong_is_caught(right, wrong):
    assert checked(right).theorems["A title (theorem-a)"][0].twin == right
    with pytest.raises(AssertionError, match=r"'a step' of A title .* is off by .*at most 1e-9"):
        checked(right.replace(*wrong))


def test_one_point_that_fails_is_enough():
    values = iter([1.0] * 19 + [2.0])
    with pytest.raises(AssertionError, match="fails at point 19"):
        checked("x == 1", lambda rng: {"x": next(values)})


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_no_number_fails(value):
    with pytest.raises(AssertionError, match="off by nan"), np.errstate(invalid="ignore"):
        checked("x == 1 * x", lambda rng: {"x": value})


@pytest.mark.parametrize(
    ("twin", "message"),
    [
        ("J @ c == J @ c", "one expression on both sides"),
        ("J - J == 0 * J", "both sides are zero"),
        ("J == S[:2]", "compares 9 entries with 6"),
        ("J @ c", "expected 'left == right'"),
        ("0 <= norm(c) <= 9", "expected 'left == right'"),
        ("norm(c) >= 0", "expected 'left == right'"),
    ],
)
def test_a_twin_that_says_nothing_is_refused(twin, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        checked(twin)


@pytest.mark.parametrize("theorem", ["theorem-a", "A title (Theorem A)", "(theorem-a)"])
def test_a_theorem_has_a_title_and_a_label(theorem):
    with pytest.raises(ValueError, match="Title"):
        derivation(matrices, {theorem: {"a step": "J.T @ blame == c"}})


@pytest.mark.parametrize("theorems", [{}, {"A title (theorem-a)": {}}])
def test_nothing_to_check_is_refused(theorems):
    with pytest.raises(ValueError, match="expected"):
        derivation(matrices, theorems)


def test_the_residual_is_relative_and_an_excess_for_a_bound():
    assert residual("(1.0, [2.0]) == np.array([1.0, 3.0])", {"np": np}) == pytest.approx(1 / 3)
    assert residual("[1, 2] <= 4", {}) == -0.5
    assert residual("[1e-9, 1] <= [5e-10, 2]", {}) == 0.5
    assert Step("", "[1, 2] <= 4", ()).relation == "<="


def test_derivatives_have_fourth_order_and_the_shape_of_value_and_place():
    error = lambda h: derivative(np.exp, 1.0, h) - np.e
    assert order(error, 0.1) == pytest.approx(4, abs=0.1)
    assert derivative(lambda v: np.outer(v, v), np.ones(3)).shape == (3, 3, 3)


def test_the_text_names_each_step_but_no_residual():
    made = checked("J.T @ blame == c", n=7, bound=1e-6)
    head = "1 step holds at 7 random points, each within 1e-6"
    assert made.text() == f"{head}\nA title (theorem-a)\n  a step: J.T @ blame == c"


def test_the_page_folds_the_table_away_and_leads_to_the_theorem(monkeypatch):
    made = checked("norm(A @ c) <= norm(A) * norm(c)")
    html = made.html()
    assert '<a href="#theorem-a">A title</a>' in html
    assert "<details><summary>Check the steps with numbers (1)</summary>" in html
    assert "<code>norm(A @ c) &lt;= norm(A) * norm(c)</code>" in html
    assert "def matrices(rng):" in html
    for mode, kinds in (("text", {"text/plain"}), ("page", {"text/plain", "text/html"})):
        monkeypatch.setenv("SEVENCONDITIONS_OUTPUT", mode)
        assert set(made._repr_mimebundle_()) == kinds
