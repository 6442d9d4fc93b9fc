"""Pytest plugin: a headless Chromium for tests of the page. They are skipped where none is installed."""

import shutil

import pytest
from waits import WAIT_S

try:
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service
    from selenium.webdriver.support.ui import WebDriverWait
except ImportError:
    webdriver = None

FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-dev-shm-usage --disable-quic --no-first-run "
    "--disable-background-networking --disable-component-update --disable-sync --window-size=1440,900"
).split()


class Window:
    """A browser window."""

    def __init__(self, driver):
        self.driver = driver

    def open(self, url: str):
        """Load a page, and wait until it has drawn a message of the server."""
        self.driver.get(url)
        self.wait("document.body.dataset.messages > 0")

    def js(self, code: str):
        """Value of an expression of the page."""
        return self.driver.execute_script(f"return {code}")

    def text(self, id: str) -> str:
        return self.js(f"document.getElementById('{id}').textContent")

    def wait(self, code: str):
        """Wait until an expression of the page is true; its value."""
        message = f"waited {WAIT_S} s in vain for {code}"
        return WebDriverWait(self.driver, WAIT_S, 0.05).until(lambda _: self.js(code), message)

    def wait_text(self, id: str, text: str):
        self.wait(f"document.getElementById('{id}').textContent.includes({text!r})")

    def click(self, id: str):
        self.driver.find_element("id", id).click()

    def press_key(self, key: str):
        webdriver.ActionChains(self.driver).send_keys(key).perform()

    def problems(self) -> list[str]:
        """What the console has complained of since the last call, but for connections that were refused."""
        log = [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] == "SEVERE"]
        return [message for message in log if "ERR_CONNECTION_REFUSED" not in message]


@pytest.fixture(scope="session")
def _driver(tmp_path_factory):
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    chromedriver = shutil.which("chromedriver")
    if webdriver is None or chromium is None or chromedriver is None:
        pytest.skip("needs Chromium, its driver and selenium: apt-get install chromium chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(chromedriver))
    yield driver
    driver.quit()


@pytest.fixture
def window(_driver):
    """One window of a browser that all tests share; it leaves the page at the end."""
    window = Window(_driver)
    yield window
    _driver.get("about:blank")
    window.problems()
