"""The two pages that a browser gets, in a browser: they look as they should, also on a phone, and let one in."""

from __future__ import annotations

import pytest

from tests.browser import Browser
from tests.server.serving import Served

NARROW = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"


def log_in(browser: Browser, served: Served, token: str | None = None) -> None:
    """Log in as a person does; ends at the documentation, or at what was said against it."""
    browser.open(f"http://{served.host}/login")
    browser.run(f"document.querySelector('input[name=token]').value = '{token or served.token}'")
    browser.run("setTimeout(() => document.querySelector('button').click())")
    browser.wait_for("location.pathname.endsWith('/docs') || document.querySelector('[role=alert]') !== null")
    browser.wait_for("document.readyState === 'complete'")


@pytest.mark.parametrize("path", ["/", "/login"])
def test_a_person_is_let_in(served: Served, browser: Browser, path: str) -> None:
    browser.open(f"http://{served.host}{path}")
    browser.wait_for("document.activeElement.name === 'token'")
    log_in(browser, served, "ada.wrong")
    assert browser.run("return document.querySelector('[role=alert]').textContent") == "The token is wrong."
    log_in(browser, served)
    assert browser.run("return document.querySelector('h1').textContent").startswith("Audio workbench")


def test_pages_fit_a_phone_and_follow_the_scheme(served: Served, browser: Browser) -> None:
    log_in(browser, served)
    for page in ("/login", "/api/v1/docs"):
        browser.open(f"http://{served.host}{page}")
        browser.run("for (const one of document.querySelectorAll('details')) one.open = true")
        colours = []
        for dark in (False, True):
            browser.show_as(width=390, dark=dark)
            assert browser.run(f"return {NARROW}"), page
            colours.append(browser.run("return getComputedStyle(document.querySelector('.quiet')).color"))
        assert colours[0] != colours[1]  # so the policy lets the style apply


def test_a_link_to_a_model_opens_it(served: Served, browser: Browser) -> None:
    log_in(browser, served)
    browser.run("document.querySelector('a[href=\"#TracksPage\"]').click()")
    browser.wait_for("document.querySelector('#TracksPage').closest('details').open")
