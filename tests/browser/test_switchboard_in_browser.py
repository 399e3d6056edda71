"""The switchboard on a page of its own, over invented rows: every switch, the address, words."""

import pytest

from sevenconditions.recipe import CONDITIONS
from sevenconditions.switchboard import switchboard
from sevenconditions.truthtable import Combination, broken_at

pytestmark = pytest.mark.book

ROWS = tuple(
    Combination(
        broken_at(i),
        0.5 * i,
        (0.1 * i, 0.7 * i),
        1 - i / 200,
        (3.0, 2.0, 1 + i / 100),
        "hebbian",
        i,
    )
    for i in range(128)
)
BOARD = switchboard("energy", rows=ROWS)


def shown(page):
    """What a reader sees, as an entry of the board's data."""
    return {
        "angles": page.locator(".sc-bars dd span").all_inner_texts(),
        "numbers": page.locator(".sc-readouts dd").all_text_contents(),
        "curve": page.locator(".sc-this").get_attribute("points"),
        "words": page.locator(".sc-description").inner_text(),
    }


def switch(page, name):
    return page.get_by_role("switch", name=name)


@pytest.mark.parametrize("width", [900, 360])
def test_every_switch_shows_its_row_and_goes_back(open_page, width):
    page = open_page(BOARD.html(), width=width)
    data = BOARD.data()
    for k, name in enumerate(CONDITIONS):
        switch(page, name).click()
        assert switch(page, name).get_attribute("aria-checked") == "false"
        assert shown(page) == data[1 << k]
        switch(page, name).click()
        assert shown(page) == data[0]
    assert page.evaluate("document.scrollingElement.scrollWidth") <= width
    for each in page.get_by_role("switch").all():
        assert each.bounding_box()["height"] >= 44


def test_at_a_chapters_head_the_result_waits_for_the_first_switch(open_page):
    page = open_page(BOARD.html())
    lit = page.locator(".sc-lit")
    assert lit.get_attribute("data-sc-name") == "energy" and "this chapter" in lit.inner_text()
    assert not page.locator(".sc-now").is_visible()
    lit.click()
    assert page.locator(".sc-now").is_visible()
    cover = open_page(switchboard(rows=ROWS).html())
    assert cover.locator(".sc-now").is_visible() and cover.locator(".sc-lit").count() == 0


def test_the_keyboard_switches_and_the_reset_brings_all_back(open_page):
    page = open_page(BOARD.html())
    switch(page, "settling").focus()
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert shown(page) == BOARD.data()[3]
    assert page.locator(".sc-description").get_attribute("aria-live") == "polite"
    page.get_by_role("button", name="All on").click()
    assert shown(page) == BOARD.data()[0]


def test_the_address_keeps_the_state_and_gives_it_back(open_page):
    page = open_page(BOARD.html())
    switch(page, "phases").click()
    switch(page, "nudging").click()
    assert page.url.endswith("?without=phases,nudging")
    page.reload()
    assert shown(page) == BOARD.data()[4 + 32]
    assert page.locator(".sc-now").is_visible()
    page.get_by_role("button", name="All on").click()
    assert "without" not in page.url


def test_without_script_and_on_paper_the_landmarks_are_listed(open_page):
    words = [BOARD.words(row) for row in BOARD.landmarks()]
    assert len(words) == 9
    page = open_page(BOARD.html(), script=False)
    assert page.locator(".sc-multiples li").all_inner_texts() == words
    assert not page.get_by_role("switch").first.is_visible()
    printed = open_page(BOARD.html())
    printed.emulate_media(media="print")
    assert printed.locator(".sc-multiples li").first.is_visible()
    assert not printed.locator(".sc-switches").is_visible()


def test_the_table_says_what_the_board_shows(open_page):
    page = open_page(switchboard(rows=ROWS).html())
    rows = [row.all_text_contents() for row in map(cells, page.locator("tbody tr").all())]
    for (off, *angles_and_rest), entry, row in zip(rows, BOARD.data(), ROWS, strict=True):
        assert off == (", ".join(row.broken) or "none")
        assert angles_and_rest == entry["angles"] + entry["numbers"]


def cells(row):
    return row.locator("th, td")


def test_two_boards_do_not_disturb_one_another(open_page):
    page = open_page(BOARD.html() + switchboard(rows=ROWS).html())
    boards = page.locator(".sc-board")
    boards.nth(1).get_by_role("switch", name="energy").click()
    assert boards.nth(1).locator(".sc-description").inner_text() == BOARD.data()[2]["words"]
    assert boards.nth(0).locator(".sc-description").inner_text() == BOARD.data()[0]["words"]
