"""Outputs opened from a file in headless Chromium, with every request and error on record."""

import pytest


@pytest.fixture
def open_page(browser, tmp_path):
    """Return a function that opens HTML from a file; nothing may leave or fail meanwhile."""
    contexts, complaints = [], []

    def open_html(html, *, width=900, scheme="light", script=True, head="", theme=""):
        path = tmp_path / f"page{len(contexts)}.html"
        path.write_text(
            f'<!doctype html><html lang="en"{theme}><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width"><title>t</title>'
            f"{head}</head><body>{html}</body></html>",
            encoding="utf-8",
        )
        context = browser.new_context(
            viewport={"width": width, "height": 800},
            color_scheme=scheme,
            java_script_enabled=script,
        )
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: complaints.append(said.text))
        page.on(
            "request",
            lambda asked: (
                asked.url.partition("?")[0] == path.as_uri()
                or asked.url.startswith("data:")
                or complaints.append(asked.url)
            ),
        )
        page.goto(path.as_uri())
        return page

    yield open_html
    for context in contexts:
        context.close()
    assert complaints == []
