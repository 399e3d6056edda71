"""In the browser: the check of a proof stays folded until it is asked for, and then fits."""

import pytest

from sevenconditions.derivations import derivation

pytestmark = pytest.mark.book


def points(rng):
    J, c = rng.standard_normal((3, 3)), rng.standard_normal(3)
    blame = 1.0 * (J.T @ c)  # a line that is longer than a phone is wide, so that it has to scroll
    return locals()


@pytest.fixture
def checked(monkeypatch):
    monkeypatch.setenv("SEVENCONDITIONS_OUTPUT", "page")
    steps = {
        "a step whose words are many, so that they take two lines of a phone": "J.T @ c == blame",
        "and its length": "norm(J.T @ c) + norm(c) <= norm(J) * norm(c) + norm(c)",
    }
    return derivation(points, {"A title (theorem-a)": steps})._repr_mimebundle_()["text/html"]


def test_the_table_is_folded_until_the_keyboard_opens_it(open_page, checked):
    page = open_page(checked)
    assert page.locator("table").is_hidden()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.locator("table").is_visible()
    assert page.get_by_role("link", name="A title").get_attribute("href") == "#theorem-a"
    assert page.get_by_role("cell").filter(has_text="holds").count() == 2


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_it_is_easy_to_touch_and_fits(open_page, checked, width, scheme):
    page = open_page(checked + checked, width=width, scheme=scheme)
    for summary in page.locator("summary").all():
        assert summary.bounding_box()["height"] >= 44
        summary.click()
    assert page.evaluate("document.scrollingElement.scrollWidth") <= width
    for cell in page.locator("td").all():
        assert cell.evaluate("e => e.scrollWidth <= e.clientWidth")
