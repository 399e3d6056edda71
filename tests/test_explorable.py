"""A dial, declared once, says the same numbers in each of its renderings."""

import gzip
import json
import re
from html import unescape

import numpy as np
import pytest

from sevenconditions.display import ESTIMATE, TRUE, Figure, label_line, panel
from sevenconditions.explorable import dial, explore


def draw(gain, nudge=1.0):
    figure, axes = panel()
    axes.plot([0, 1], [0, gain], color=TRUE)
    axes.set(xlim=(0, 1), ylim=(0, 2))
    return Figure(
        figure,
        "The slope is the gain",
        "One line.",
        f"At gain {gain:.1f} and nudge {nudge:g} it ends at {gain * nudge:.3f}.",
        {"end": f"{gain * nudge:.3f}"},
    )


def two_dials():
    return explore(
        draw,
        dial("gain", [0.2, 0.6, 1.0, 1.3], default=0.6, label="Gain g", marks={1.0: "radius 1"}),
        dial("nudge", [0.5, 2.0], default=2.0, label="Nudge", unit="mV"),
        title="The slope is the gain",
        instructions="Move it past 1.",
    )


def shown(explorable, monkeypatch, mode):
    monkeypatch.setenv("SEVENCONDITIONS_OUTPUT", mode)
    return explorable._repr_mimebundle_()


def frames_in(html):
    data = json.loads(re.search(r'class="sc-frames">(.*?)</script>', html)[1])
    return ["".join(data["pieces"][i] for i in frame) for frame in data["frames"]]


# --- declaration ---


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "two words"}, "name is 'two words'"),
        ({"values": [1]}, "at least two"),
        ({"values": [1, 2, 1]}, "all different"),
        ({"values": [1, np.inf]}, "finite"),
        ({"values": [1, None]}, "finite"),
        ({"default": 3}, "default 3, which is not among its values"),
        ({"marks": {3: "x"}}, "mark 3, which is not among its values"),
    ],
)
def test_a_bad_dial_is_refused_with_its_reason(change, message):
    with pytest.raises(ValueError, match=message):
        dial(**({"name": "gain", "values": [1, 2]} | change))


def test_a_mark_need_not_know_the_last_digits_of_a_float():
    assert dict(dial("gain", np.arange(0, 1, 0.1), marks={0.3: "here"}).marks) == {3: "here"}


def test_the_drawing_receives_the_values_as_declared():
    received = []

    def listen(**values):
        received.append(values)
        return draw(1.0)

    layers, kind = dial("layers", np.array([1, 2])), dial("kind", ["tanh", "linear"])
    explore(listen, layers, kind, title="t").figure((1, 0))
    assert received == [{"layers": 2, "kind": "tanh"}]
    assert type(received[0]["layers"]) is int


def test_no_dial_four_dials_and_two_of_one_name_are_refused():
    one = dial("gain", [1, 2])
    for dials in ((), (one, one), tuple(dial(name, [1, 2]) for name in "abcd")):
        with pytest.raises(ValueError, match="expected one to 3"):
            explore(draw, *dials, title="t")


def test_an_empty_title_is_refused():
    with pytest.raises(ValueError, match="say what the reader explores"):
        explore(draw, dial("gain", [1, 2]), title=" ")


def test_too_many_frames_are_refused_with_advice():
    with pytest.raises(ValueError, match=r"9 x 9 = 81 frames.*thin the values"):
        explore(draw, dial("gain", range(9)), dial("nudge", range(9)), title="t")


def test_a_drawing_that_is_no_figure_is_refused():
    with pytest.raises(ValueError, match="draw returned NoneType"):
        explore(lambda gain: None, dial("gain", [1, 2]), title="t").text()


def test_frames_of_different_size_are_refused():
    def jump(gain):
        return Figure(panel(2 + gain, 2)[0], "t", "c", "1")

    with pytest.raises(ValueError, match="same panel sizes"):
        explore(jump, dial("gain", [0.5, 1]), title="t").html()


def test_readouts_that_come_and_go_are_refused():
    def change(gain):
        return Figure(panel()[0], "t", "c", "1", {f"at {gain:g}": "1"})

    with pytest.raises(ValueError, match="same labels"):
        explore(change, dial("gain", [0.5, 1]), title="t").html()


# --- one declaration, four renderings ---


def test_live_page_print_and_table_say_the_same_numbers(monkeypatch):
    explorable = two_dials()
    monkeypatch.setenv("SEVENCONDITIONS_OUTPUT", "page")
    html = unescape(explorable.html())
    rows, pictures = explorable.table(), frames_in(html)
    multiples = {frame.values: frame for frame in explorable.small_multiples().values()}
    widget = explorable.widget()
    _, gain, nudge, _, picture = widget.children
    for k, (i, j) in enumerate(explorable.positions()):
        alone = draw(explorable.dials[0].values[i], explorable.dials[1].values[j])
        gain.value, nudge.value = i, j
        assert alone.description in picture.value and alone.readouts["end"] in picture.value
        assert rows[k]["Description"] == alone.description
        assert rows[k]["end"] == alone.readouts["end"]
        assert unescape(pictures[k]) == unescape(alone.picture())
        assert f"<td>{alone.readouts['end']}</td><td>{alone.description}</td>" in html
        frame = multiples.get((rows[k]["Gain g"], rows[k]["Nudge"]))
        if frame is not None:
            assert frame.words == alone.description and dict(frame.readouts) == alone.readouts


def test_the_page_and_the_text_read_alike_and_text_mode_is_text_alone(monkeypatch):
    page = shown(two_dials(), monkeypatch, "page")
    text = shown(two_dials(), monkeypatch, "text")
    assert text.keys() == {"text/plain"} and page.keys() == {"text/plain", "text/html"}
    assert text["text/plain"] == page["text/plain"]
    assert text["text/plain"].splitlines() == [
        "The slope is the gain",
        "Gain g dial, 4 positions from 0.2 to 1.3.",
        "Nudge dial, 2 positions from 0.5 mV to 2 mV.",
        "Gain g = 0.2 (lowest): At gain 0.2 and nudge 2 it ends at 0.400.",
        "Gain g = 0.6 (default): At gain 0.6 and nudge 2 it ends at 1.200.",
        "Gain g = 1 (radius 1): At gain 1.0 and nudge 2 it ends at 2.000.",
        "Gain g = 1.3 (highest): At gain 1.3 and nudge 2 it ends at 2.600.",
        "Nudge = 0.5 mV (lowest): At gain 0.6 and nudge 0.5 it ends at 0.300.",
    ]


def test_a_live_notebook_draws_only_what_is_looked_at(monkeypatch):
    seen = []

    def listen(gain):
        seen.append(gain)
        return draw(gain)

    explorable = explore(listen, dial("gain", np.linspace(0.1, 1, 10), default=0.5), title="t")
    bundle = shown(explorable, monkeypatch, "live")
    assert set(seen) == {0.5}
    assert bundle["application/vnd.jupyter.widget-view+json"]["model_id"]
    assert "0.500" in bundle["text/html"] and "0.500" in bundle["text/plain"]


def test_the_buttons_of_a_live_notebook_go_to_the_marks_and_back():
    _, gain, _, presets, picture = two_dials().widget().children
    reset, mark, *_ = presets.children
    mark.click()
    assert gain.value == 2 and "2.000" in picture.value
    reset.click()
    assert gain.value == 1 and "1.200" in picture.value


def with_kind(*kinds, **dial_of_kind):
    def draw_kind(gain, kind):
        return draw(gain, nudge=1 + kinds.index(kind))

    kind = dial("kind", kinds, **dial_of_kind)
    return explore(draw_kind, dial("gain", [0.2, 0.6]), kind, title="Kinds")


def test_a_few_words_are_chosen_by_buttons_and_all_else_by_a_slider(monkeypatch):
    radios = {
        ("tanh", "linear"): 2,
        ("a", "b", "c", "d"): 4,
        ("a", "b", "c", "d", "e"): 0,
        ("a", 1): 0,
    }
    for values, count in radios.items():
        html = with_kind(*values).html()
        assert html.count('type="radio"') == count
        assert html.count('type="range"') == 1 + (count == 0)


def test_a_group_of_buttons_has_its_name_its_default_and_its_marks():
    html = with_kind("tanh", "lin<ear", default="tanh", label="Units", marks={"tanh": "bends"})
    html = html.html()
    assert '<legend class="sc-label">Units</legend>' in html
    options = re.findall(r"<input type=\"radio\"[^>]*?( checked)?><span>(.*?)</span>", html)
    assert options == [(" checked", "tanh: bends"), ("", "lin&lt;ear")]


def test_live_buttons_choose_the_same_frames():
    import ipywidgets

    _, gain, kind, _, picture = with_kind("tanh", "linear", default="tanh").widget().children
    assert isinstance(kind, ipywidgets.ToggleButtons)
    assert [label for label, _ in kind.options] == ["tanh", "linear"]
    gain.value, kind.value = 0, 1
    assert draw(0.2, 2).description in picture.value


def test_a_changing_finding_leads_the_words():
    def verdict(gain):
        title = "It settles." if gain < 1 else "It escapes"
        return Figure(panel()[0], title, "c", f"Radius {gain:g}.")

    table = explore(verdict, dial("gain", [0.5, 1.5]), title="Settling").table()
    assert [row["Description"] for row in table] == [
        "It settles. Radius 0.5.",
        "It escapes. Radius 1.5.",
    ]


def test_negative_values_and_words_are_shown_as_a_reader_writes_them():
    assert dial("gain", [-0.5, 1], fmt=".2f").text(0) == "\u22120.50"
    assert dial("kind", ["tanh", "a-b"]).text(1) == "a-b"


def test_the_player_has_no_ids_and_cannot_be_closed_early_by_its_data():
    html = two_dials().html()
    assert not re.search(r'\bid="|url\(#|href=', html)
    assert html.count("</script>") == 2


def test_the_player_is_the_same_each_time():
    assert two_dials().html() == two_dials().html()


@pytest.mark.book
def test_forty_frames_of_two_dense_panels_weigh_less_than_250_kilobytes(rng):
    time, noise = np.linspace(0, 3, 300), rng.normal(size=300)

    def dense(gain):
        left, axes = panel(right=0.6)
        axes.plot(time, np.sin(2 * gain * time), color=TRUE)
        axes.plot(time, np.sin(2 * gain * time) + 0.1 * noise, ".", color=ESTIMATE)
        label_line(axes, 3, np.sin(6 * gain), "theory", TRUE)
        right, axes = panel()
        axes.semilogy(time, gain**time, color=TRUE)
        axes.semilogy(time, gain**time * np.exp(0.1 * noise), color=ESTIMATE)
        axes.set_ylim(1e-2, 1e2)
        return Figure((left, right), "t", "c", f"Gain {gain:.3f}.", {"gain": f"{gain:.3f}"})

    html = explore(dense, dial("gain", np.linspace(0.2, 1.3, 40)), title="t").html()
    assert len(gzip.compress(html.encode())) < 250_000
