"""The picture of a small network: every connection, every number, and what a rule says of it."""

import numpy as np
import pytest

import sevenconditions as sc
from sevenconditions.display import ESTIMATE, TRUE
from sevenconditions.network import Network, layered
from sevenconditions.recipe import CONDITIONS
from sevenconditions.sketch import sketch


def words(figure, colour=None):
    texts = [text for text in figure.axes[0].texts if text.get_text()]
    return [t.get_text() for t in texts if colour is None or t.get_color() == colour]


def arrows(figure):
    return [text for text in figure.axes[0].texts if not text.get_text()]


def drawn(net):
    return sketch(net, np.ones((1, net.sizes[0])), np.zeros((1, net.sizes[-1])))


def test_each_connection_is_an_arrow_with_its_weight():
    weights = [np.array([[1.0], [-0.5]]), np.array([[0.0, 2.0]])]
    figure = drawn(Network(weights, [np.zeros(2), np.zeros(1)]))
    assert len(arrows(figure)) == 3  # a weight of 0 is a connection that is not there
    assert words(figure) == ["1", "−1/2", "2", "input 1", "target 0"]


def test_feedback_is_drawn_where_it_is_not_the_transpose_and_lateral_where_it_is():
    net = layered((1, 2, 1), rng=np.random.default_rng(0))
    tied, lateral = len(arrows(drawn(net))), np.array([[0.0, 0.0], [0.25, 0.0]])
    back = net.replace(feedback=[None, np.array([[0.5], [-0.5]])])
    assert len(arrows(drawn(back))) == tied + 2
    within = net.replace(lateral=[None, lateral, None])
    assert len(arrows(drawn(within))) == tied + 1 and "1/4" in words(drawn(within))


@pytest.mark.parametrize("condition", CONDITIONS)
def test_a_counterexample_shows_what_the_rule_says_and_what_is_true(condition, monkeypatch):
    found = sc.counterexample(condition)
    witness = found.witness
    figure = sketch(
        witness.net,
        witness.x,
        witness.y,
        layer=witness.layer,
        update=witness.update,
        gradient=witness.gradient,
    )
    shape = witness.net.weights[witness.layer].shape
    said, true = (words(figure, colour) for colour in (ESTIMATE, TRUE))
    assert len(said) == len(true) == shape[0] * shape[1] and said != true
    monkeypatch.setenv("SEVENCONDITIONS_OUTPUT", "page")
    html = found._repr_mimebundle_()["text/html"]
    assert html.count('role="img"') == 1 and witness.sentence() in html
    monkeypatch.setenv("SEVENCONDITIONS_OUTPUT", "text")
    assert list(found._repr_mimebundle_()) == ["text/plain"]


def test_what_cannot_be_read_is_not_drawn():
    with pytest.raises(ValueError, match=r"7 units \(\(3, 4\)\), expected at most 6"):
        drawn(layered((3, 4), rng=np.random.default_rng(0)))
