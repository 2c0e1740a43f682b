"""Chromium for tests of the console, with a console for each test.

This is a plugin: `pytest_plugins = ("support.browser",)`. It uses the Chromium of the distribution; without it, tests
are skipped, or fail if `CI` is set. Every page is watched: requests to other hosts, console messages and violations of
the Content-Security-Policy fail the test.
"""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from sagemaker_registry.backends import open_backend
from sagemaker_registry.backends.base import Backend, BackendOptions
from sagemaker_registry.backends.settings import Settings
from sagemaker_registry.emulator.http.server import Server, listen, url_of
from support.console import REBOUND, WAIT_MS, Desk, Watched, watch

MISSING = "Chromium is not installed: apt-get install chromium"
PROGRAMS = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        if "CI" in os.environ:
            pytest.fail(MISSING)
        pytest.skip(MISSING)
    with sync_playwright() as playwright:
        rules = f"--host-resolver-rules=MAP {REBOUND} 127.0.0.1"
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", rules])
        yield browser
        browser.close()


@pytest.fixture
def serve_desk() -> Iterator[Callable[..., Desk]]:
    """Return a function that serves a console with an in-memory registry."""
    opened: list[tuple[Server, threading.Thread, Backend]] = []

    def serve_desk(settings: Settings | None = None) -> Desk:
        settings = settings or Settings()
        backend = open_backend("sqlite://", BackendOptions(settings))
        desk = Desk(backend, people=settings.identities)
        listener = listen("127.0.0.1", 0)
        desk.url = url_of(listener)
        server = Server(desk.app, listener)
        thread = threading.Thread(target=server.run)
        thread.start()
        opened.append((server, thread, backend))
        return desk

    yield serve_desk
    for server, thread, backend in opened:
        server.stop()
        thread.join(timeout=60)
        backend.close()


@pytest.fixture
def served(serve_desk: Callable[..., Desk]) -> Desk:
    return serve_desk()


@pytest.fixture
def watched() -> Iterator[Watched]:
    """Return the recorder of forbidden page activity; remaining entries fail the test."""
    noticed = Watched()
    yield noticed
    assert noticed.faults == []


@pytest.fixture
def open_page(chromium: Browser, watched: Watched) -> Iterator[Callable[..., Page]]:
    """Return a function that opens a console page in a new browser context, logged in as a user."""
    contexts: list[BrowserContext] = []

    def open_page(desk: Desk, user: str | None = "alice", **options: Any) -> Page:
        context = chromium.new_context(**{"viewport": {"width": 1280, "height": 800}, **options})
        contexts.append(context)
        context.set_default_timeout(WAIT_MS)
        page = context.new_page()
        watch(page, desk.url, watched)
        if user is not None:
            page.goto(desk.link(user))
            page.get_by_role("button", name="Continue as").click()
            page.wait_for_url("**/console/")
        return page

    yield open_page
    for context in contexts:
        context.close()
