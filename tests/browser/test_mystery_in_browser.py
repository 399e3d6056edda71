"""In the browser: a whole game of the mystery network, by keyboard, on a phone, without storage."""

import pytest

import sevenconditions as sc
from sevenconditions.casebook import places
from sevenconditions.mystery import LEVELS, answer

pytestmark = pytest.mark.book


@pytest.fixture(scope="module")
def book():
    return sc.detective()


@pytest.fixture
def html(book, monkeypatch):
    monkeypatch.setenv("SEVENCONDITIONS_OUTPUT", "page")
    return book._repr_mimebundle_()["text/html"]


def said(page):
    return page.locator(".sc-said").inner_text()


def verdict(page):
    return " ".join(page.locator(".sc-judged").inner_text().split())


def accuse(page, name):
    page.locator(".sc-suspects").get_by_role("button", name=name, exact=True).click()


def test_a_whole_game_by_keyboard_on_a_phone(open_page, html, book):
    heard = "<script>keys = 0; addEventListener('keydown', () => keys++)</script>"
    page = open_page(html, width=360, head=heard)
    case, culprit = book.cases[2][0], book.cases[2][0].reveal().accused
    page.get_by_label("1", exact=True).focus()
    page.keyboard.press("ArrowRight")
    assert "Case 1 of 16 at level 2. 9 of 9 probes left" in said(page)
    for key in ("Tab", "Tab"):  # past the button for the next case, to the probes
        page.keyboard.press(key)
    page.keyboard.type("Let")
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expected = sc.mystery(case.seed, 2).run_longer(*case.steepest(2)[1])
    assert said(page) == str(expected)
    assert "8 of 9 probes left" in page.locator(".sc-case").inner_text()
    wrong = next(name for name in case.suspects if name != culprit)
    page.get_by_role("button", name=wrong, exact=True).press("Enter")
    assert verdict(page) == str(case.accuse(wrong))
    page.get_by_role("button", name=culprit, exact=True).press("Space")
    assert verdict(page) == str(case.accuse(culprit))
    assert "right at the first accusation in 0 of 1" in page.locator(".sc-score").inner_text()
    assert page.evaluate("keys") == 0


def test_every_verdict_and_answer_on_the_page_is_the_librarys(open_page, html, book):
    page = open_page(html)
    for level, cases in book.cases.items():
        page.get_by_label(str(level), exact=True).check(force=True)
        shown = page.evaluate(
            """() => {
                const pick = query => document.querySelector(query);
                const all = query => [...document.querySelectorAll(query)];
                return Array.from({length: 16}, (_, i) => {
                    const told = all(".sc-suspects button").map(button => {
                        button.click();
                        return pick(".sc-judged").textContent;
                    });
                    const probe = pick(".sc-probe"), where = pick(".sc-where");
                    probe.value = i % 10;
                    probe.dispatchEvent(new Event("change"));
                    where.value = i % where.length;
                    pick(".sc-ask").click();
                    const answer = pick(".sc-said").textContent;
                    pick(".sc-next").click();
                    return [told, answer];
                });
            }"""
        )
        for i, (case, (told, text)) in enumerate(zip(cases, shown, strict=True)):
            assert told == [str(case.accuse(name)) for name in case.suspects]
            probe, there = list(places(case).items())[i % 10]
            assert text == str(answer(case, probe, there[i % len(there)]))


def test_a_right_accusation_counts_once_and_is_kept(open_page, html, book):
    page = open_page(html)
    case = book.cases[1][0]
    accuse(page, case.reveal().accused)
    assert verdict(page).startswith("Yes")
    assert page.locator(".sc-tell").is_hidden()
    accuse(page, next(name for name in case.suspects if name != case.reveal().accused))
    score = page.locator(".sc-score")
    assert "in 1 of 1 cases" in score.inner_text() and "stays in this browser" in score.inner_text()
    page.reload()
    assert "in 1 of 1 cases" in score.inner_text()


def test_a_wrong_accusation_is_answered_and_the_answer_can_be_shown(open_page, html, book):
    page = open_page(html)
    case = book.cases[1][0]
    accuse(page, next(name for name in case.suspects if name != case.reveal().accused))
    assert verdict(page).startswith("No")
    page.get_by_role("button", name="Show the answer").click()
    assert verdict(page) == str(case.reveal())
    assert "in 0 of 1 cases" in page.locator(".sc-score").inner_text()


def test_the_budget_runs_out_and_asking_again_is_free(open_page, html):
    page = open_page(html)
    page.get_by_label("3", exact=True).check(force=True)
    asked = 0
    for probe in range(3):
        page.locator(".sc-probe").select_option(index=probe)
        for place in range(3):
            page.locator(".sc-where").select_option(index=place)
            page.locator(".sc-ask").click()
            asked += 1
            if asked == 1:
                page.locator(".sc-ask").click()
                assert said(page).startswith("You have asked that; it cost nothing.")
    assert said(page) == "All 7 probes are spent. Accuse, or take another case."
    assert page.locator(".sc-game tbody tr").count() == LEVELS[3].budget
    assert page.locator(".sc-ask").inner_text() == "Ask (0 left)"
    page.locator(".sc-next").click()
    assert "Case 2 of 16 at level 3. 7 of 7 probes left" in said(page)
    assert page.locator(".sc-game .sc-log").is_hidden()


@pytest.mark.parametrize("refusal", ["get() { throw new Error('no') }", "value: null"])
def test_it_plays_where_storage_is_refused(open_page, html, book, refusal):
    refuse = f"<script>Object.defineProperty(window, 'localStorage', {{{refusal}}})</script>"
    page = open_page(html, head=refuse)
    accuse(page, book.cases[1][0].reveal().accused)
    assert verdict(page).startswith("Yes")
    assert "in 1 of 1 cases" in page.locator(".sc-score").inner_text()


def test_nothing_visible_names_a_culprit_before_an_accusation(open_page, html, book):
    page = open_page(html)
    assert verdict(page) == ""
    names = [button.inner_text() for button in page.locator(".sc-suspects button").all()]
    assert names == list(book.cases[1][0].suspects)
    page.locator(".sc-ask").click()
    text = page.locator(".sc-game").inner_text()
    assert all(text.count(name) == 1 for name in names)  # as a suspect


def test_two_games_on_a_page_do_not_meet(open_page, html):
    page = open_page(html + html)
    page.locator(".sc-ask").nth(0).click()
    page.locator(".sc-mystery").nth(1).get_by_label("2", exact=True).check(force=True)
    cases = page.locator(".sc-case")
    assert "level 1. 11 of 12" in cases.nth(0).inner_text()
    assert "level 2. 9 of 9" in cases.nth(1).inner_text()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_targets_are_44_pixels_and_all_fits_a_phone(open_page, html, scheme):
    page = open_page(html, width=360, scheme=scheme)
    page.locator(".sc-probe").select_option(index=1)
    page.locator(".sc-ask").click()
    page.locator(".sc-suspects button").nth(0).click()
    for each in page.locator(".sc-game :is(button, select, .sc-pick):visible").all():
        box = each.bounding_box()
        assert min(box["width"], box["height"]) >= 44
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_without_script_the_marks_stand_open_and_the_game_is_away(open_page, html):
    page = open_page(html, script=False)
    assert page.locator(".sc-game").is_hidden()
    assert "sc.mystery(seed=1, level=1)" in page.locator(".sc-plain").inner_text()
    assert page.locator("details tbody tr").count() == 7
    assert page.locator("details tbody").is_visible()


def test_on_paper_there_is_the_note_and_no_game(open_page, html):
    page = open_page(html)
    page.emulate_media(media="print")
    assert page.locator(".sc-game").is_hidden()
    assert page.locator(".sc-plain").is_visible()
