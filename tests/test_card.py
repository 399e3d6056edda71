"""A report card says what the audit and the witness say; a grade names what is wrong."""

import pytest

import sevenconditions as sc
from sevenconditions import rules
from sevenconditions.card import grade, report_card


def products(pre_free, post_free, pre_nudged, post_nudged, beta):
    return (pre_free * post_free - pre_nudged * post_nudged) / beta


def upside_down(pre_free, post_free, pre_nudged, post_nudged, beta):
    return (pre_nudged * post_nudged - pre_free * post_free) / beta


def undivided(pre_free, post_free, pre_nudged, post_nudged, beta):
    return pre_free * post_free - pre_nudged * post_nudged


def both(pre_free, post_free, pre_nudged, post_nudged, beta):
    return pre_nudged * post_nudged - pre_free * post_free


def post_end(pre_free, post_free, post_nudged, beta):
    return (post_free - post_nudged) * pre_free / beta


def untransposed(delta, feedback, slope):
    return slope * (feedback.T @ delta)


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (upside_down, ["The sign", "says -1, the gradient says 1"]),
        (undivided, ["1/beta is missing", "says 1e-05, the gradient says 1"]),
        (both, ["The sign", "1/beta is missing"]),
        (lambda **ends: 0, ["asks for ends"]),
        (lambda pre_free: pre_free.ravel()[:3], ["shape"]),
        (lambda pre_free: pre_free / 0, ["raises", "units"]),
        (lambda pre_free: missing, ["NameError"]),  # noqa: F821
    ],
)
def test_a_grade_names_the_mistake_and_shows_a_network(rule, words):
    check = grade("Build it", rule)
    assert check.status == "look again"
    assert all(word in check.message for word in words), check.message


def test_a_grade_names_the_mistakes_that_it_is_told_of():
    mistakes = [(upside_down, "Turn it."), (post_end, "One end alone.")]
    check = grade("Build it", post_end, mistakes=mistakes)
    assert check.message.startswith("One end alone. On a network of 3 units")
    hop = grade("Hop", untransposed, into=rules.by_hops, mistakes=[(untransposed, "Untransposed.")])
    assert hop.message.startswith("Untransposed. On a network of 4 units")


def test_the_right_rule_is_right_and_a_blank_is_not_yet_an_error():
    assert grade("Build it", products).status == "right"
    assert grade("Build it", lambda pre_free: ...).status == "not yet"


def test_a_page_without_a_kernel_gets_a_box_for_the_number():
    at = (2.0, 1.0, 1.875, 0.75, 0.25)
    wrong = [(upside_down, "Turn it.")]
    check = grade("Build it", lambda pre_free: ..., mistakes=wrong, typed=(at, 2.375))
    assert check.box["expected"] == 2.375
    assert check.box["mistakes"] == [[-2.375, "Turn it."]]


def test_a_card_holds_the_report_the_plots_and_the_witness(monkeypatch):
    card = report_card(post_end, max_units=3)
    layers = [round(layer.angle_deg, 1) for layer in card.report.layers]
    assert f"layer 3 {layers[2]:.3g}" in card.plots[0].description
    assert card.report.layers[0].angle_deg < 0.01 < layers[2]
    assert card.witness.net.sizes == (1, 1, 1)
    for mode, shown in (("text", False), ("page", True)):
        monkeypatch.setenv("SEVENCONDITIONS_OUTPUT", mode)
        bundle = card._repr_mimebundle_()
        assert str(card.witness) in bundle["text/plain"]
        assert ("text/html" in bundle) is shown
    assert bundle["text/html"].count("<figure") == 3  # two plots, and the witness drawn
    assert "sc-report" in bundle["text/html"] and "sc-witness" in bundle["text/html"]


@pytest.mark.parametrize("rule", [products, sc.ALL_HOLD, sc.ZOO["backprop"], sc.backprop])
def test_a_right_rule_in_any_form_has_a_card_without_a_witness(rule):
    card = report_card(rule, max_units=3)
    assert card.witness is None
    assert card.report.relative_error < 1e-3
    assert "No witness" in card.text()


def test_feedback_that_learns_is_judged_as_training_would_begin():
    card = report_card(sc.ZOO["kolen_pollack"], max_units=3)
    assert card.report.layers[0].angle_deg > 45
    assert card.witness.relative_error > 0.1


def test_a_card_says_what_is_not_local():
    card = report_card(lambda pre_free, post_free: post_free * pre_free / pre_free.sum(),
                       max_units=2)  # fmt: skip
    assert "not local" in card.report.conditions[4].diagnostic


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (lambda pre_free, weights: 0, "asks for weights"),
        (lambda pre_free: pre_free.mean(axis=2), "no sum over others"),
        (lambda pre_free: pre_free * float("nan"), "NaN"),
        (3, "expected a function"),
    ],
)
def test_errors_teach(rule, words):
    with pytest.raises(ValueError, match=words):
        report_card(rule)


def test_there_is_no_card_where_there_is_nothing_to_learn(rng):
    net = sc.layered((2, 2), rng=rng)
    with pytest.raises(ValueError, match="not yet met"):
        report_card(sc.backprop, net, [[0.0, 0.0]], [[0.0, 0.0]])
