"""The staircase of broken conditions."""

import pytest

from sevenconditions import figures

WORDS = {"title": "Steps", "caption": "Degrees.", "ylabel": "angle"}


def test_the_steps_add_up_to_the_last_level():
    drawn = figures.waterfall(["a", "b"], [0, 30, 20], predicted=25, **WORDS)
    assert drawn.description == "angle, from 0: a +30, b -10; at the end 20, predicted 25."
    assert dict(drawn.readouts) == {"together": "20", "predicted": "25"}


def test_a_level_for_each_name_and_one_before_is_asked_for():
    with pytest.raises(ValueError, match="levels"):
        figures.waterfall(["a", "b"], [0, 30], **WORDS)
