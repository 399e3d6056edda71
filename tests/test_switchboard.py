"""What the switchboard says, over invented rows; how it looks is tested in the browser."""

import pytest

from sevenconditions.switchboard import switchboard
from sevenconditions.truthtable import Combination, broken_at


def row(index, **changes):
    usual = Combination(
        broken_at(index), 12.34, (10.0, 20.0), 0.9, (2.0, 1.0, 0.5), "contrastive_hebbian", 7.0
    )
    return usual._replace(**changes)


ROWS = tuple(map(row, range(128)))


def test_the_words_name_what_is_broken_and_every_number():
    words = switchboard(rows=ROWS).words(ROWS[6])
    assert words == (
        "Without energy and phases: 12.3 degrees from backprop (layers 10 and 20), 0.90 of its "
        "length. Loss 0.50 after 2 steps; with all seven 0.50. Closest algorithm: contrastive "
        "hebbian; the two updates are 7.0 degrees apart."
    )


def test_the_curve_spans_the_axis_and_ends_early_where_training_did():
    board = switchboard(rows=ROWS[:-1] + (row(127, loss=(2.0, 2.0)),))
    assert board.curve(ROWS[0]) == "0,0 120,60 240,120"
    assert board.curve(board.rows[-1]) == "0,0 120,0"


def test_text_mode_gives_words_alone_and_a_page_gets_both(monkeypatch):
    board = switchboard(rows=ROWS)
    monkeypatch.setenv("SEVENCONDITIONS_OUTPUT", "text")
    assert list(board._repr_mimebundle_()) == ["text/plain"]
    monkeypatch.setenv("SEVENCONDITIONS_OUTPUT", "page")
    bundle = board._repr_mimebundle_()
    assert bundle["text/plain"].count("\n") == 9
    assert "data-sc-board" in bundle["text/html"]


def test_the_table_stands_below_or_is_linked_to():
    assert switchboard(rows=ROWS).html().count("<tr>") == 129
    elsewhere = switchboard("phases", table_at="other.html#table", rows=ROWS).html()
    assert "<tr>" not in elsewhere and 'href="other.html#table"' in elsewhere


def test_mistakes_are_named():
    with pytest.raises(ValueError, match="'coffee'"):
        switchboard("coffee", rows=ROWS)
    with pytest.raises(ValueError, match="got 3, expected all 128"):
        switchboard(rows=ROWS[:3])
