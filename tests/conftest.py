"""What all tests share: arithmetic that fails loudly, named randomness, and one browser."""

import os
import shutil

import numpy as np
import pytest

# Nothing that the browser itself would ask the network for.
QUIET = """--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking
--disable-component-update --disable-sync""".split()


@pytest.fixture(autouse=True)
def _arithmetic_mistakes_are_errors():
    # Underflow to zero is what exp(-1000) should do; everything else would hide a mistake.
    with np.errstate(all="raise", under="ignore"):
        yield


@pytest.fixture
def rng():
    """A generator with a fixed seed."""
    return np.random.default_rng(7)


@pytest.fixture(scope="session")
def browser():
    """A headless Chromium; without one, a skip here and a failure where CI is set."""
    found = shutil.which("chromium") or shutil.which("google-chrome")
    if not found:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("no chromium or google-chrome here")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=found, args=QUIET)
        yield chromium
        chromium.close()
