"""Figures show themselves in words and pictures, in every output mode."""

import re
import subprocess
import sys

import matplotlib
import numpy as np
import pytest
from IPython.core.formatters import DisplayFormatter

from sevenconditions import display
from sevenconditions.display import Figure, label_line, log_scale, panel, svg
from sevenconditions.output import MODES, output_mode


def line_figure(n_panels=1, **words):
    panels = []
    for _ in range(n_panels):
        figure, axes = panel()
        axes.plot([0, 1, 2], [0, 1, 0], color=display.TRUE)
        axes.set(xlabel="step", ylabel="residual")
        panels.append(figure)
    words = {
        "title": "It falls",
        "caption": "Dots: steps.",
        "description": "From 1 to 0.5.",
    } | words
    return Figure(tuple(panels), **words)


def bundle(figure, monkeypatch, mode):
    monkeypatch.setenv("SEVENCONDITIONS_OUTPUT", mode)
    return figure._repr_mimebundle_()


def test_live_is_the_mode_of_a_reader_who_sets_nothing(monkeypatch):
    monkeypatch.delenv("SEVENCONDITIONS_OUTPUT", raising=False)
    assert output_mode() == "live"


def test_an_unknown_mode_is_refused_with_the_known_ones(monkeypatch):
    monkeypatch.setenv("SEVENCONDITIONS_OUTPUT", "pdf")
    with pytest.raises(ValueError, match="'pdf'; expected one of live, page, text"):
        output_mode()


@pytest.mark.parametrize("missing", ["title", "caption", "description"])
@pytest.mark.parametrize("empty", ["", "  ", None])
def test_a_figure_needs_its_words(missing, empty):
    with pytest.raises(ValueError, match=missing):
        line_figure(**{missing: empty})


def test_a_description_without_a_number_is_refused():
    with pytest.raises(ValueError, match="holds no number"):
        line_figure(description="It rises a lot.")


def test_readouts_must_be_formatted_already():
    with pytest.raises(ValueError, match="formatted strings"):
        line_figure(readouts={"angle": 0.5})


def test_a_figure_needs_a_panel_that_is_a_figure_and_fits_a_phone():
    words = ("t", "c", "1")
    with pytest.raises(ValueError, match="panels is empty"):
        Figure((), *words)
    with pytest.raises(ValueError, match="expected a Matplotlib figure"):
        Figure(("picture.png",), *words)
    with pytest.raises(ValueError, match="6 inches wide"):
        Figure(panel(6, 2)[0], *words)


@pytest.mark.parametrize("size", [(0, 1), (3, -1), (0.5, 2)])
def test_a_panel_without_room_for_axes_is_refused(size):
    with pytest.raises(ValueError, match="leaves no axes"):
        panel(*size)


def test_the_text_is_the_same_in_every_mode_and_alone_in_text_mode(monkeypatch):
    figure = line_figure()
    bundles = {mode: bundle(figure, monkeypatch, mode) for mode in MODES}
    assert bundles["text"] == {"text/plain": "It falls\nFrom 1 to 0.5."}
    for mode in ("live", "page"):
        assert bundles[mode].keys() == {"text/plain", "text/html"}
        assert bundles[mode]["text/plain"] == bundles["text"]["text/plain"]


def test_a_notebook_shows_no_other_format(monkeypatch):
    monkeypatch.setenv("SEVENCONDITIONS_OUTPUT", "text")
    data, _ = DisplayFormatter().format(line_figure())
    assert data == {"text/plain": "It falls\nFrom 1 to 0.5."}


def test_the_words_are_escaped():
    html = line_figure(title="a < b & c", readouts={"<i>": "<b>"}).html()
    assert "a &lt; b &amp; c" in html
    assert "<dt>&lt;i&gt;</dt><dd>&lt;b&gt;</dd>" in html


def test_every_panel_has_a_role_and_a_name_and_none_has_an_id():
    html = line_figure(n_panels=2).html()
    pictures = re.findall(r"<svg viewBox[^>]*>", html)
    assert len(pictures) == 2
    assert all('role="img"' in picture for picture in pictures)
    assert 'aria-label="Panel 1 of 2. From 1 to 0.5."' in pictures[0]
    assert 'aria-label="Panel 2 of 2. residual against step"' in pictures[1]
    assert not re.search(r'\bid="|url\(#|href="#|xmlns|<\?xml|<metadata', html)


def test_same_data_gives_the_same_bytes():
    first, second = line_figure(2), line_figure(2)
    assert first.html() == second.html()
    assert first.html() == first.html()


def test_no_colour_of_the_palette_escapes_the_theme():
    html = line_figure().html()
    colours = {colour for colour, _ in display.PALETTE.values()}
    bare = re.findall(r"(?<!,)#[0-9a-f]{6}", html)
    assert "var(--sc-true,#083a7a)" in html
    assert not colours & set(bare) and "#000000" not in html


def test_the_drawn_points_are_where_the_data_say(rng):
    figure, axes = panel()
    x, y = rng.random(7), rng.random(7)
    axes.plot(x, y, "o", color=display.ESTIMATE)
    drawn = re.findall(r'<circle cx="([^"]+)" cy="([^"]+)" r="([^"]+)"', svg(figure, label="dots"))
    # Points of the drawing at 72 dots an inch; SVG counts y from the top.
    expected = axes.transData.transform(np.column_stack([x, y]))
    expected[:, 1] = figure.get_size_inches()[1] * 72 - expected[:, 1]
    drawn = np.array(drawn, dtype=float)
    np.testing.assert_allclose(drawn[:, :2], expected, atol=0.051)
    np.testing.assert_allclose(drawn[:, 2], 2.5)


def test_other_markers_and_images_survive():
    figure, axes = panel()
    axes.plot([0, 1], [0, 1], "s", color=display.ERROR)
    axes.imshow([[0, 1], [1, 0]], extent=(0, 1, 0, 1))
    text = svg(figure, label="squares on an image")
    assert 'href="data:image/png;base64,' in text
    assert text.count('<path d="M-2.5 2.5L2.5 2.5L2.5 -2.5L-2.5 -2.5z" transform="translate') == 2


def test_what_lies_outside_the_axes_is_clipped_without_an_id():
    figure, axes = panel()
    axes.plot([0, 1], [0, 100])
    axes.set_ylim(0, 1)
    assert re.search(
        r'<svg x="51.8" y="10.8" width="196.6"[^>]*><path d="M[^"]*-\d', svg(figure, label="1")
    )


def test_what_needs_an_id_is_refused():
    figure, axes = panel()
    axes.bar([0], [1], hatch="/")
    with pytest.raises(ValueError, match="hatching"):
        svg(figure, label="1")


@pytest.mark.parametrize("side", ["left", "right", "top", "bottom"])
def test_a_label_beyond_the_edge_is_refused_and_more_room_mends_it(side):
    at = {"left": (0, 0.5), "right": (1, 0.5), "top": (0.5, 1), "bottom": (0.5, 0)}[side]
    push = {"left": (-70, 0), "right": (30, 0), "top": (0, 20), "bottom": (0, -45)}[side]

    def labelled(**room):
        figure, axes = panel(**room)
        axes.set(xlim=(0, 1), ylim=(0, 1))
        label_line(axes, *at, "theory", display.TRUE, offset=push)
        return svg(figure, label="1")

    with pytest.raises(ValueError, match=rf"'theory' is cut off by \d+ points at the {side}"):
        labelled()
    assert "theory" in labelled(**{side: 1.5})


def test_a_label_stands_on_a_halo_in_the_colour_of_its_line():
    figure, axes = panel(right=1)
    label_line(axes, 1, 0, "theory", display.TRUE)
    assert re.search(
        r'class="sc-halo"><text style="[^"]*--sc-true[^"]*"[^>]*>theory', svg(figure, label="1")
    )


def test_a_log_scale_has_powers_of_ten_and_no_other_ticks():
    figure, axes = panel()
    axes.plot([1, 2], [1e-3, 10])
    log_scale(axes)
    text = svg(figure, label="1")
    assert {"10⁻³", "10⁻²", "10⁻¹", "10⁰", "10¹"} <= set(re.findall(r">(10[^<]*)<", text))
    assert "tspan" not in text
    with pytest.raises(ValueError, match='expected "x" or "y"'):
        log_scale(axes, "z")


def test_drawing_leaves_no_trace_in_matplotlib():
    before = dict(matplotlib.rcParams)
    line_figure().html()
    assert dict(matplotlib.rcParams) == before


def test_the_state_machine_of_pyplot_is_never_loaded():
    code = (
        "import sys; from sevenconditions.display import panel, svg; svg(panel()[0], label='1');"
        "sys.exit('matplotlib.pyplot' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def luminance(colour):
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return float(np.dot([0.2126, 0.7152, 0.0722], linear))


def contrast(one, other):
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("side", [0, 1], ids=["light", "dark"])
def test_every_colour_that_carries_meaning_can_be_read(side):
    paper = display.PALETTE["paper"][side]
    for name, pair in display.PALETTE.items():
        if name not in ("paper", "grid"):
            assert contrast(pair[side], paper) >= 4.5, name


@pytest.mark.parametrize("side", [0, 1], ids=["light", "dark"])
def test_theory_estimate_and_error_stay_apart_in_grey(side):
    lead = sorted(luminance(display.PALETTE[name][side]) for name in ("true", "estimate", "error"))
    for darker, lighter in zip(lead, lead[1:], strict=False):
        assert (lighter + 0.05) / (darker + 0.05) >= 1.3


@pytest.mark.parametrize("side", [0, 1], ids=["light", "dark"])
def test_an_ordered_family_is_ordered_in_grey(side):
    paper = display.PALETTE["paper"][side]
    steps = [contrast(display.PALETTE[f"seq{i}"][side], paper) for i in range(5)]
    assert steps == sorted(steps) and min(np.divide(steps[1:], steps[:-1])) > 1.1


def test_the_style_sheet_knows_light_dark_and_print():
    sheet = display.style_tag()
    assert sheet.count("--sc-ink:#1d2733") == 1  # paper and light screens
    assert sheet.count("--sc-ink:#e6eaf0") == 2  # a dark theme, a dark system
    assert "html[data-theme=dark]" in sheet and "prefers-color-scheme:dark" in sheet
    assert len(sheet) < 3500
