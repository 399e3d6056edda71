"""The player on a page of its own: keyboard, mouse, touch, phone, dark, print, no script."""

import re

import pytest

from sevenconditions.display import ESTIMATE, TRUE, Figure, label_line, panel, style_tag
from sevenconditions.explorable import dial, explore

pytestmark = pytest.mark.book


def draw(gain, nudge=1.0):
    panels = []
    for scale in (1, nudge):
        figure, axes = panel(right=0.6)
        axes.plot([0, 1, 2], [1, gain, gain**2], "o", color=ESTIMATE)
        axes.plot([0, 1, 2], [1, gain * scale, gain**2 * scale], color=TRUE)
        axes.set(xlabel="step", ylabel="distance", ylim=(0, 2))
        label_line(axes, 2, gain**2 * scale, "theory", TRUE)
        panels.append(figure)
    end = f"{gain**2 * nudge:.3f}"
    words = f"At gain {gain:.1f} and nudge {nudge:g} the distance ends at {end}."
    return Figure(tuple(panels), "It ends", "Line: theory; dots: measured.", words, {"end": end})


@pytest.fixture(scope="module")
def one_dial():
    gains = [0.2, 0.4, 0.6, 0.8, 1.0, 1.2]
    gain = dial("gain", gains, default=0.4, label="Gain g", fmt=".1f", marks={1.0: "radius 1"})
    return explore(draw, gain, title="It ends", instructions="Move the gain.").html()


@pytest.fixture(scope="module")
def two_dials():
    gain, nudge = dial("gain", [0.5, 1.0, 1.2], default=0.5), dial("nudge", [0.5, 1.0], default=1.0)
    return explore(draw, gain, nudge, title="It ends").html()


@pytest.fixture(scope="module")
def with_choice():
    gain, kind = dial("gain", [0.5, 1.0, 1.2], default=0.5), dial("kind", ["half", "whole"])
    nudges = {"half": 0.5, "whole": 1.0}
    return explore(lambda gain, kind: draw(gain, nudges[kind]), gain, kind, title="It ends").html()


def state(player):
    """What a reader of the player sees: values, description, readout, and the drawn line."""
    return (
        player.locator(".sc-value").all_inner_texts(),
        player.locator(".sc-description").inner_text(),
        player.locator(".sc-now dd").inner_text(),
        player.locator(".sc-picture path[style*='--sc-true']").first.get_attribute("d"),
    )


def says(player, gain, nudge=1.0):
    """Whether value, words, readout and picture all belong to these values of the dials."""
    values, words, end, _ = state(player)
    alone = draw(gain, nudge)
    picture = player.locator(".sc-picture svg[role=img]").first.get_attribute("aria-label")
    return (
        float(values[0]) == gain
        and words == alone.description
        and end == alone.readouts["end"]
        and picture.endswith(alone.description)
    )


def test_the_keyboard_moves_value_picture_and_description(open_page, one_dial):
    page = open_page(one_dial)
    player, range_ = page.locator(".sc-dial"), page.locator("input[type=range]")
    assert says(player, 0.4)
    range_.focus()
    drawn = {state(player)[3]}
    for key, gain in [
        ("ArrowRight", 0.6),
        ("ArrowUp", 0.8),
        ("ArrowLeft", 0.6),
        ("End", 1.2),
        ("Home", 0.2),
        ("PageUp", None),
        ("PageDown", 0.2),
    ]:
        before = state(player)
        page.keyboard.press(key)
        assert state(player) != before, key
        assert gain is None or says(player, gain), key
        assert range_.get_attribute("aria-valuetext") == state(player)[0][0]
        drawn.add(state(player)[3])
    assert len(drawn) >= 5


def test_the_mouse_moves_the_dial_on_its_track(open_page, one_dial):
    page = open_page(one_dial)
    box = page.locator("input[type=range]").bounding_box()
    page.mouse.click(box["x"] + box["width"] - 3, box["y"] + box["height"] / 2)
    assert says(page.locator(".sc-dial"), 1.2)


def test_marks_steps_and_reset_move_the_dial(open_page, one_dial):
    page = open_page(one_dial)
    player = page.locator(".sc-dial")
    mark = page.get_by_role("button", name="1.0: radius 1")
    assert mark.get_attribute("aria-pressed") == "false"
    mark.click()
    assert says(player, 1.0) and mark.get_attribute("aria-pressed") == "true"
    page.get_by_role("button", name="Gain g: one step up").click()
    assert says(player, 1.2)
    page.get_by_role("button", name="Gain g: one step up").click()
    assert says(player, 1.2)
    page.get_by_role("button", name="Gain g: one step down").click()
    assert says(player, 1.0)
    page.get_by_role("button", name="Reset").click()
    assert says(player, 0.4)


def test_the_mark_stands_where_the_thumb_stops(open_page, one_dial):
    page = open_page(one_dial)
    tick, range_ = page.locator(".sc-ticks i").bounding_box(), page.locator("input").bounding_box()
    # The thumb is 22 px wide, so its middle runs from 11 px to 11 px before the end.
    middle = range_["x"] + 11 + 4 / 5 * (range_["width"] - 22)
    assert abs(tick["x"] + tick["width"] / 2 - middle) < 1


def test_two_dials_choose_one_frame_of_their_product(open_page, two_dials):
    page = open_page(two_dials)
    player, ranges = page.locator(".sc-dial"), page.locator("input[type=range]")
    assert says(player, 0.5, 1.0)
    ranges.nth(1).press("Home")
    assert says(player, 0.5, 0.5)
    ranges.nth(0).press("End")
    assert says(player, 1.2, 0.5)
    ranges.nth(1).press("ArrowRight")
    assert says(player, 1.2, 1.0)


def test_buttons_choose_by_click_and_by_arrow(open_page, with_choice):
    page = open_page(with_choice)
    player = page.locator(".sc-dial")
    half, whole = (page.get_by_role("radio", name=name) for name in ("half", "whole"))
    assert page.get_by_role("group", name="kind").is_visible()
    assert whole.is_checked() and says(player, 0.5, 1.0)
    page.get_by_role("radio", name="half").click()
    assert half.is_checked() and says(player, 0.5, 0.5)
    half.press("ArrowRight")
    assert whole.is_checked() and says(player, 0.5, 1.0)
    whole.press("ArrowLeft")
    player.locator("input[type=range]").press("End")
    assert says(player, 1.2, 0.5)
    page.get_by_role("button", name="Reset").click()
    assert whole.is_checked() and says(player, 0.5, 1.0)


def test_enter_in_a_control_leaves_the_page_as_it_is(open_page, with_choice):
    page = open_page(with_choice)
    page.get_by_role("radio", name="half").click()
    page.get_by_role("radio", name="half").press("Enter")
    assert says(page.locator(".sc-dial"), 0.5, 0.5) and "?" not in page.url


def test_buttons_of_two_players_are_strangers(open_page, with_choice):
    page = open_page(with_choice + with_choice)
    assert page.locator("input:checked").count() == 2
    page.get_by_role("radio", name="half").nth(1).click()
    players = page.locator(".sc-dial")
    assert says(players.nth(0), 0.5, 1.0) and says(players.nth(1), 0.5, 0.5)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_chosen_button_is_filled_and_reads(open_page, with_choice, scheme):
    page = open_page(with_choice, scheme=scheme)
    assert contrast(page, ".sc-option :checked + span", "backgroundColor") >= 4.5
    assert contrast(page, ".sc-option :checked + span") == 1  # paper on ink
    assert contrast(page, ".sc-option :not(:checked) + span") >= 4.5


def test_players_on_one_page_are_strangers(open_page, one_dial, two_dials):
    page = open_page(one_dial + two_dials + one_dial)
    players = page.locator(".sc-dial")
    untouched = [state(players.nth(i)) for i in (1, 2)]
    players.nth(0).locator("input").press("End")
    assert says(players.nth(0), 1.2)
    assert [state(players.nth(i)) for i in (1, 2)] == untouched
    players.nth(2).locator("input").press("Home")
    assert says(players.nth(0), 1.2) and says(players.nth(2), 0.2)
    assert page.evaluate("document.querySelectorAll('[id]').length") == 0


def test_keys_stay_in_the_dial_and_the_page_gets_no_new_name(open_page, one_dial):
    watch = "keys = 0, names = 0, names = new Set(Object.keys(window))"
    page = open_page(
        one_dial, head=f"<script>{watch}; addEventListener('keydown', () => keys++)</script>"
    )
    page.locator("input").press("ArrowRight")
    assert page.evaluate("keys") == 0
    assert page.evaluate("Object.keys(window).filter(name => !names.has(name))") == []


@pytest.mark.parametrize("width", [900, 360])
def test_the_picture_keeps_its_place_and_size_from_the_very_moment_of_a_move(
    open_page, one_dial, width
):
    page = open_page(one_dial, width=width)
    boxes = page.evaluate(
        """async () => {
          const range = document.querySelector("input"), boxes = [];
          const frame = () => new Promise(requestAnimationFrame);
          const box = () => JSON.stringify(document.querySelector(".sc-picture")
            .getBoundingClientRect());
          await frame(); await frame();
          for (const at of [0, 1, range.max]) {
            range.value = at;
            range.dispatchEvent(new Event("input", {bubbles: true}));
            boxes.push(box()); await frame(); boxes.push(box());
          }
          return boxes;
        }"""
    )
    assert len(boxes) == 6 and len(set(boxes)) == 1, boxes


def test_what_is_touched_is_at_least_44_pixels(open_page, two_dials, one_dial, with_choice):
    page = open_page(one_dial + two_dials + with_choice, width=360)
    for target in page.locator(".sc-dial button, .sc-dial input").all():
        box = target.bounding_box()
        assert min(box["width"], box["height"]) >= 44


@pytest.mark.parametrize("width", [320, 360, 900])
def test_nothing_is_cut_off(open_page, one_dial, two_dials, with_choice, width):
    page = open_page(one_dial + two_dials + with_choice, width=width)
    page.locator("details").first.locator("summary").click()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    beyond = """nodes => nodes.map(n => n.getBoundingClientRect())
        .filter(b => b.width && (b.left < 0 || b.right > innerWidth)).length"""
    seen = ".sc-dial button, .sc-dial input, .sc-value, .sc-title, .sc-now svg text, .sc-now p"
    assert page.eval_on_selector_all(seen, beyond) == 0


@pytest.mark.parametrize("inches", [3.0, 3.6, 4.2])
def test_text_in_pictures_is_large_enough_on_a_phone(open_page, inches):
    def plain(gain):
        figure, axes = panel(inches, 3.0)
        axes.set(xlabel="step", ylabel="distance")
        return Figure(figure, "It ends", "Nothing drawn.", f"Gain {gain:g}.")

    player = explore(plain, dial("gain", [1, 2]), title="It ends").html()
    # The book's column of text is 328 px wide on a phone of 360.
    page = open_page(f'<div style="margin:0 8px">{player}{plain(1).html()}</div>', width=360)
    for picture in page.locator(".sc-now svg[role=img], .sc-figure svg[role=img]").all():
        sizes = "node => [...node.querySelectorAll('text')].map(t => getComputedStyle(t).fontSize)"
        smallest = min(float(size.removesuffix("px")) for size in picture.evaluate(sizes))
        assert smallest * picture.bounding_box()["width"] / (72 * inches) >= 9.5


@pytest.mark.parametrize("width", [360, 900])
def test_a_phone_sees_dials_readouts_and_picture_at_once(open_page, with_choice, width):
    page = open_page(with_choice, width=width)
    dials, readouts, picture = (
        page.locator(selector).first.bounding_box()
        for selector in (".sc-controls", ".sc-now .sc-readouts", ".sc-picture svg[role=img]")
    )
    phone = width < 500
    assert (readouts["y"] < picture["y"]) is phone
    assert not phone or picture["y"] + picture["height"] - dials["y"] <= 640


@pytest.mark.parametrize("width", [360, 900])
def test_a_single_picture_stands_in_the_middle(open_page, width):
    def single(gain):
        return Figure(panel()[0], "It ends", "Nothing drawn.", f"Gain {gain:g}.")

    player = explore(single, dial("gain", [1, 2]), title="It ends").html()
    page = open_page(player + single(1).html(), width=width)
    for picture in page.locator(".sc-now svg[role=img], .sc-figure svg[role=img]").all():
        box = picture.bounding_box()
        assert abs(box["x"] + box["width"] / 2 - width / 2) < 1


def contrast(page, selector, property_="color"):
    """Contrast of an element's colour with the paper of its player."""
    rgb = """([selector, name]) => {
        const of = (node, name) => getComputedStyle(node)[name].match(/[\\d.]+/g).map(Number);
        return [of(document.querySelector(selector), name),
                of(document.querySelector(".sc"), "backgroundColor")]; }"""
    lights = []
    for red, green, blue, *_ in page.evaluate(rgb, [selector, property_]):
        parts = [c / 255 for c in (red, green, blue)]
        parts = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        lights.append(0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2] + 0.05)
    return max(lights) / min(lights)


@pytest.mark.parametrize(
    ("scheme", "theme", "dark"),
    [
        ("light", "", False),
        ("dark", "", True),
        ("light", ' data-theme="dark"', True),
        ("dark", ' data-theme="light"', False),
    ],
)
def test_it_reads_in_light_and_dark(open_page, one_dial, scheme, theme, dark):
    page = open_page(one_dial, scheme=scheme, theme=theme)
    paper = page.evaluate("getComputedStyle(document.querySelector('.sc')).backgroundColor")
    assert (paper == "rgb(20, 24, 30)") is dark
    for selector in (
        ".sc-title",
        ".sc-caption",
        ".sc-value",
        ".sc-description",
        ".sc-marks button",
    ):
        assert contrast(page, selector) >= 4.5, selector
    for selector in (".sc-picture svg text", ".sc-picture .sc-halo text"):
        assert contrast(page, selector, "fill") >= 4.5, selector
    assert contrast(page, ".sc-picture path[style*='--sc-true']", "stroke") >= 4.5


def multiples_only(page):
    assert page.locator(".sc-controls").is_hidden() and page.locator(".sc-now").is_hidden()
    shown = page.locator(".sc-multiple").all_inner_texts()
    assert [re.match(r"[A-D]\. Gain g = ([\d.]+)", text)[1] for text in shown] == [
        "0.2",
        "0.4",
        "1.0",
        "1.2",
    ]
    assert all(
        draw(gain).description in text
        for gain, text in zip([0.2, 0.4, 1.0, 1.2], shown, strict=True)
    )
    assert page.locator(".sc-multiple svg[role=img]").first.is_visible()


def test_without_script_the_small_multiples_stand_in(open_page, one_dial):
    multiples_only(open_page(one_dial, script=False))


def test_on_paper_the_small_multiples_stand_in_on_white(open_page, one_dial):
    page = open_page(one_dial, theme=' data-theme="dark"')
    assert page.locator(".sc-multiples").is_hidden()
    page.emulate_media(media="print")
    multiples_only(page)
    assert page.evaluate("getComputedStyle(document.querySelector('.sc')).backgroundColor") == (
        "rgb(255, 255, 255)"
    )


def test_the_dial_says_its_name_and_value_to_a_screen_reader(open_page, one_dial):
    page = open_page(one_dial)
    slider = page.get_by_role("slider", name="Gain g")
    assert slider.get_attribute("aria-valuetext") == "0.4"
    assert page.get_by_role("region", name="It ends").first.is_visible()
    assert page.locator(".sc-description").get_attribute("aria-live") == "polite"


def test_a_figure_opens_its_description_and_fits_a_phone(open_page):
    page = open_page(style_tag() + draw(0.5).html(), width=360)
    assert page.locator("details p").is_hidden()
    page.get_by_text("Description").click()
    assert page.locator("details p").inner_text() == draw(0.5).description
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert page.locator("svg[role=img]").count() == 2
