"""Every cell of the theorem table, one test a cell: its verdict, its value, the two errors."""

# ruff: noqa: E501
import dataclasses

import numpy as np
import pytest

import sevenconditions as sc
from sevenconditions import theorems
from sevenconditions.recipe import CONDITIONS
from sevenconditions.zoo import ZOO
from tools import siteext

# A verdict with the value of its diagnostic for each condition, then the relative error against
# the gradient of its own equilibrium and against backprop. Values above 0.01 are held to 5 %,
# smaller ones to at most 0.01.
# fmt: off
PINNED = {
    "backprop": ("yNone", "y0", "y0", "y1", "y0", "y0", "y0", 0, 0),
    "recurrent_backprop": ("y0.775", "y0", "y0", "y1", "y0", "y0", "n0.433", 0, 1.87),
    "bptt": ("y0.000571", "y0", "y0", "y1", "y0.0062", "y0", "n0.433", 0.000571, 1.87),
    "equilibrium_propagation": ("y0.775", "y0", "y0", "y1", "y0", "y8.47e-06", "n0.433", 8.47e-06, 1.87),
    "equilibrium_propagation_one_sided": ("y0.775", "y0", "y0", "y1", "y0", "y0.00316", "n0.433", 0.00316, 1.87),
    "holomorphic_equilibrium_propagation": ("y0.775", "y0", "y0", "y1", "y0", "y2.27e-08", "n0.433", 0, 1.87),
    "asymmetric_equilibrium_propagation": ("y0.633", "y0.0832", "y0", "n0.846", "y0", "y8.25e-08", "n0.27", 7.13e-08, 0.887),
    "contrastive_hebbian": ("y0.775", "y0", "y0", "y1", "y0", "n1.15", "n0.433", 1.15, 2.12),
    "contrastive_hebbian_weak_feedback": ("y0.0247", "y0", "y0", "y1", "y0", "y0.00226", "y0.000258", 0.00245, 0.00225),
    "predictive_coding": ("y0.653", "y0", "y0", "y1", "y0", "y7.55e-06", "y0", 7.55e-06, 7.55e-06),
    "predictive_coding_clamped": ("y0.653", "y0", "y0", "y1", "y0", "n1.67", "y0", 1.67, 1.67),
    "fixed_prediction": ("y0.653", "y0", "y0", "y1", "y0", "y0", "y0", 0, 0),
    "zero_divergence": ("n1.92", "y0", "y0", "y1", "y0", "y0", "y0", 0, 0),
    "dendritic_microcircuit": ("y0.653", "y0", "y0", "y1", "y0", "y0.00318", "y0", 0.00318, 0.00318),
    "dual_propagation": ("y0.653", "y0", "y0", "y1", "y0.0015", "y0.00026", "y0", 0.000366, 0.000366),
    "burst_dependent": ("y0.653", "y0", "y0", "y1", "y0", "y0", "y0", 2.42e-05, 2.42e-05),
    "feedback_alignment": ("y0.628", "n0.45", "y0", "n-0.128", "y0", "y0", "y0", 1.96, 1.96),
    "direct_feedback_alignment": ("yNone", "n1.8", "y0", "n-0.166", "y0", "y0", "y0", 4.71, 4.71),
    "sign_symmetric": ("y0.582", "n0.127", "y0", "n0.563", "y0", "y0", "y0", 0.491, 0.491),
    "kolen_pollack": ("y0.642", "n0.499", "y0", "n-0.423", "y0", "y0", "y0", 2.67, 2.67),
    "weight_mirror": ("y0.642", "n0.499", "y0", "n-0.423", "y0", "y0", "y0", 2.67, 2.67),
    "difference_target_propagation": ("yNone", "n8.6", "y0", "n0.76", "y0", "y0", "y0", 47.4, 47.4),
    "hebbian": ("y0.653", "y0", "y0", "y1", "n103", "y0", "y0", 3.81, 3.81),
}
# fmt: on


@pytest.fixture(scope="module")
def measured():
    return theorems.table(*theorems.standard())


def near(value, pinned):
    if abs(pinned) > 0.01:
        return value == pytest.approx(pinned, rel=0.05)
    return abs(value) <= 0.01


def test_the_table_has_every_algorithm_and_only_those(measured):
    assert list(measured.named) == list(PINNED) == list(ZOO)


@pytest.mark.parametrize("condition", CONDITIONS)
@pytest.mark.parametrize("name", PINNED)
def test_cell(measured, name, condition):
    at = CONDITIONS.index(condition)
    cell, pinned = measured.named[name].cells[at], PINNED[name][at]
    assert cell.holds == (pinned[0] == "y")
    if pinned[1:] == "None":
        assert cell.value is None and cell.by_design
    else:
        assert near(cell.value, float(pinned[1:]))


@pytest.mark.parametrize("name", PINNED)
def test_errors(measured, name):
    row, (own, backprop) = measured.named[name], PINNED[name][-2:]
    assert near(row.own_error, own) and near(row.backprop_error, backprop)


@pytest.mark.parametrize("name", PINNED)
def test_verdicts_are_those_of_other_networks_too(name):
    for seed in (1, 2):
        row = theorems.table(*theorems.standard(seed), [name]).rows[0]
        assert [cell.holds for cell in row.cells] == [c[0] == "y" for c in PINNED[name][:7]]


def test_only_the_settling_of_rules_without_dynamics_is_not_measured(measured):
    unmeasured = [
        (row.name, name)
        for row in measured.rows
        for name, cell in zip(CONDITIONS, row.cells, strict=True)
        if cell.by_design
    ]
    still = ("backprop", "direct_feedback_alignment", "difference_target_propagation")
    assert unmeasured == [(name, "settling") for name in still]


def broken(name, estimate):
    """The row of an entry whose update has been meddled with."""
    entry = dataclasses.replace(ZOO[name], estimate=estimate)
    cells = theorems._without_slots(*theorems.standard(), entry)
    return dict(zip(CONDITIONS, cells, strict=True))


def test_a_rule_known_by_its_updates_alone_is_caught_by_what_it_breaks():
    def meddled(change):
        return lambda net, x, y: change(ZOO["fixed_prediction"].estimate(net, x, y), x, y)

    def moved(by):
        return meddled(lambda g, x, y: g._replace(weights=tuple(w + by for w in g.weights)))

    def saturating(g, x, y):
        size = np.linalg.norm(g.flat())
        return g.minus(g.minus(g), over=1.0 + size)

    idle = broken("fixed_prediction", moved(0.1))  # learns where nothing is to be learned
    assert not idle["phases"].holds and not idle["nudging"].holds
    shuffled = meddled(lambda g, x, y: g._replace(weights=tuple(w[:, ::-1] for w in g.weights)))
    assert not broken("fixed_prediction", shuffled)["contrast"].holds
    assert not broken("fixed_prediction", meddled(saturating))["nudging"].holds
    turned = meddled(lambda g, x, y: g._replace(biases=(-g.biases[0], *g.biases[1:])))
    seen = broken("backprop", turned)
    assert not seen["energy"].holds and not seen["feedback"].holds
    assert all(cell.holds for cell in broken("fixed_prediction", moved(0.0)).values())
    lost = ZOO["feedback_alignment"].estimate
    by_chance = lambda net, x, y: sc.estimate_gradient(net, x, y, lost)
    assert not broken("dual_propagation", by_chance)["feedback"].holds


def test_cells_say_in_words_what_they_show(measured, monkeypatch):
    monkeypatch.setenv("SEVENCONDITIONS_OUTPUT", "text")
    assert list(measured._repr_mimebundle_()) == ["text/plain"]
    monkeypatch.setenv("SEVENCONDITIONS_OUTPUT", "page")
    page = measured._repr_mimebundle_()["text/html"]
    assert page.count("<tr>") == len(ZOO) + 1 and page.count('scope="row"') == len(ZOO)
    assert 'data-name="architecture" class="sc-no">NO 0.43</td>' in page
    assert "http" not in page  # the library knows no address


def test_the_site_links_each_row_to_the_line_that_pins_it(measured):
    root = siteext.Path(theorems.__file__).parents[2]
    linked = siteext.with_addresses(measured.html(), "https://somewhere/blob/main", root)
    lines = (root / theorems.TESTS).read_text().splitlines()
    at = 1 + next(i for i, line in enumerate(lines) if '"hebbian": (' in line)
    assert "data-repository" not in linked
    assert f'href="https://somewhere/blob/main/{theorems.TESTS}#L{at}"' in linked
    absent = "nothing of " * 2
    with pytest.raises(ValueError, match="has no line with"):
        bad = f'data-repository="{theorems.TESTS}" data-find="{absent}"'
        siteext.with_addresses(bad, "", root)
