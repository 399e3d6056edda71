"""The picture of locality shows what answers, and tells own ends from foreign ones."""

import numpy as np

from sevenconditions import figures
from sevenconditions.display import ERROR, ESTIMATE


def test_own_and_foreign_answers_are_counted_and_drawn_apart():
    own = np.array([[True, True, False], [False, True, True]])
    answers = np.array([[True, True, True], [False, True, False]])
    shown = figures.locality(
        {"rule": (answers, own)},
        weights=["1", "2"],
        signals=["a", "b", "c"],
        title="Some listen to others",
        caption="Dots.",
    )
    assert shown.description == "rule: 3 of 4 answers at the own two ends."
    near, far = shown.panels[0].axes[0].lines
    assert (near.get_color(), len(near.get_xdata())) == (ESTIMATE, 3)
    assert (far.get_color(), far.get_xdata().tolist()) == (ERROR, [2])
    assert shown.html()
