"""A Jupyter server, the distribution's Chromium, and what a student does with a notebook open in them."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Locator, Page, sync_playwright

LAPTOP = (1366, 768)
PATIENCE = 120.0  # seconds until anything has to show; only a machine with much else to do needs them
OFTEN = 100  # milliseconds between two looks; by default there is one before each frame, for which the page is drawn
FLAGS = (
    "--no-sandbox",  # running as root, Chromium refuses its own; what it opens here is ours
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
QUIET = {  # what JupyterLab would ask or fetch when it is opened for the first time
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    "docmanager-extension/plugin": {"autosave": False},
}
READY = """() => {
    const panel = window.jupyterapp?.shell?.currentWidget;
    return panel?.context?.isReady && panel.content.widgets.length > 1
        && panel.sessionContext.kernelDisplayStatus === 'idle';
}"""
LISTEN = """() => {
    const sent = window.sent = new Map();  // by the request's id: its cell, and its count when the kernel has answered
    jupyterapp.shell.currentWidget.sessionContext.session.anyMessage.connect((_, {msg, direction}) => {
        if (direction === 'send' && msg.header.msg_type === 'execute_request')
            sent.set(msg.header.msg_id, {cell: msg.metadata.cellId});
        if (direction === 'recv' && msg.header.msg_type === 'execute_reply' && sent.has(msg.parent_header.msg_id))
            sent.get(msg.parent_header.msg_id).count = msg.content.execution_count ?? null;
    });
}"""
# Whether the cells named have run: each was sent, answered (after an error, that it is left out) and shows its count,
# which JupyterLab sets when all that the cell printed is there.
RAN = """names => {
    const cells = jupyterapp.shell.currentWidget.content.widgets.map(cell => cell.model);
    const counts = new Map(cells.map(cell => [cell.id, cell.executionCount ?? null]));
    const sent = [...window.sent.values()];
    return names.every(name => sent.some(({cell}) => cell === name))
        && sent.every(({cell, count}) => count === counts.get(cell));
}"""

# Whether the notebook has passed the focus on. A closing menu gives it to the notebook, which gives it to the active
# cell when that is drawn, half a second later at times, wherever the focus is by then.
SETTLED = "!document.activeElement.classList.contains('jp-Notebook')"
EDITING = "name => document.activeElement.closest('.cm-content')?.closest('[data-cell]')?.dataset.cell === name"


@contextmanager
def chromium() -> Iterator[Browser]:
    """A headless Chromium of the distribution. Raises AssertionError with the remedy where there is none."""
    path = shutil.which("chromium")
    assert path, "no chromium on this machine; 'make browser' installs it"
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=path, args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()


@dataclass(frozen=True)
class Server:
    """A Jupyter server: JupyterLab under /lab, Notebook 7 under /notebooks, formgrader under /formgrader."""

    url: str
    token: str

    def page(self, browser: Browser, path: str, size: tuple[int, int] = LAPTOP) -> Page:
        """Open a page in a window of its own, logged in."""
        window = browser.new_context(viewport={"width": size[0], "height": size[1]})
        window.set_default_timeout(PATIENCE * 1000)
        page = window.new_page()
        page.goto(f"{self.url}api/status?token={self.token}")  # leaves a cookie
        page.goto(f"{self.url}{path}")
        return page


@contextmanager
def jupyter(root: Path, home: Path) -> Iterator[Server]:
    """Serve a folder on a free port of this machine's own address, with a home of its own; dead when it is left."""
    for plugin, chosen in QUIET.items():
        settings = home / "config/lab/user-settings/@jupyterlab" / f"{plugin}.jupyterlab-settings"
        settings.parent.mkdir(parents=True, exist_ok=True)
        settings.write_text(json.dumps(chosen))
    (home / "config/nbgrader_config.py").write_text(f"c = get_config()\nc.Exchange.root = {str(home / 'exchange')!r}\n")
    token = secrets.token_hex()
    places = {f"JUPYTER_{name.upper()}_DIR": str(home / name) for name in ("config", "data", "runtime")}
    own = {"HOME": str(home), "IPYTHONDIR": str(home / "ipython"), "JUPYTER_TOKEN": token, **places}
    kept = {name: value for name, value in os.environ.items() if not name.startswith("JUPYTER")}
    options = ["--no-browser", "--allow-root", "--ip=127.0.0.1", "--port=0", "--LabApp.extension_manager=readonly"]
    options += [f"--{app}.expose_app_in_browser=True" for app in ("LabApp", "JupyterNotebookApp")]
    with (home / "log").open("w") as log:
        command = [sys.executable, "-m", "jupyterlab", *options]
        process = subprocess.Popen(command, cwd=root, env=kept | own, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        yield Server(_address(process, home), token)
    finally:
        process.terminate()  # it shuts its kernels down first
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()  # kernels end when their server is gone
            process.wait()


def _address(process: subprocess.Popen[bytes], home: Path) -> str:
    """The server's address, as soon as it has said it."""
    told = home / "runtime" / f"jpserver-{process.pid}.json"
    limit = time.monotonic() + PATIENCE
    while process.poll() is None and time.monotonic() < limit:
        try:
            return str(json.loads(told.read_text())["url"])
        except (OSError, ValueError):
            time.sleep(0.1)
    raise AssertionError(f"jupyter lab did not start:\n{(home / 'log').read_text()[-3000:]}")


class OpenNotebook:
    """A notebook open in JupyterLab or in Notebook 7, whose pages are made of the same widgets.

    Hands are the mouse and the keyboard; only what is slow or unsure to read from pixels (sources, outputs, counts) is
    read from the page's model.
    """

    def __init__(self, page: Page, path: Path) -> None:
        self.page, self.path = page, path
        page.wait_for_function(READY, polling=OFTEN)
        page.evaluate(LISTEN)

    @property
    def cells(self) -> list[dict[str, Any]]:
        """The cells as they would be saved now."""
        found: list[dict[str, Any]] = self.page.evaluate(
            "jupyterapp.shell.currentWidget.content.widgets.map(cell => cell.model.toJSON())"
        )
        return found

    def cell(self, name: str) -> dict[str, Any]:
        """One cell by its id."""
        return next(cell for cell in self.cells if cell["id"] == name)

    def show(self, name: str) -> Locator:
        """Scroll to a cell and return it."""
        self.page.evaluate(
            """async name => {
                const notebook = jupyterapp.shell.currentWidget.content;
                const index = notebook.widgets.findIndex(cell => cell.model.id === name);
                await notebook.scrollToItem(index, 'start');
                await notebook.widgets[index].ready;
                notebook.widgets[index].node.dataset.cell = name;
            }""",
            name,
        )
        return self.page.locator(f'[data-cell="{name}"]')

    def menu(self, *words: str) -> None:
        """Choose from the menus, as with the mouse."""
        for word in words:
            self.page.get_by_role("menuitem", name=word, exact=True).click()

    def run_all(self) -> None:
        """Choose Run All Cells and wait until it is over."""
        code = [cell["id"] for cell in self.cells if cell["cell_type"] == "code"]
        self._run(code, lambda: self.menu("Run", "Run All Cells"))

    def run(self, name: str) -> dict[str, Any]:
        """Click into a cell, press Ctrl+Enter, and return it when it has run."""
        self.enter(name)
        self._run([name], lambda: self.page.keyboard.press("Control+Enter"))
        return self.cell(name)

    def _run(self, names: list[str], start: Callable[[], None]) -> None:
        self.page.evaluate("window.sent.clear()")
        start()
        self.page.wait_for_function(RAN, arg=names, polling=OFTEN)

    def enter(self, name: str, line: str = "") -> None:
        """Click into a cell's editor, into the line with these words if they are given."""
        self.page.wait_for_function(SETTLED)
        cell = self.show(name)
        place = cell.locator(".cm-line", has_text=line) if line else cell.locator(".cm-content")
        place.click()
        self.page.wait_for_function(EDITING, arg=name)

    def retype(self, name: str, old: str, new: str) -> None:
        """Put the cursor into the line `old` of a cell, select it as far as its indentation, and type `new` instead."""
        self.enter(name, old)
        for key in ("End", "Shift+Home"):
            self.page.keyboard.press(key)
        self.page.keyboard.insert_text(new)
        assert new in "".join(self.cell(name)["source"]), f"{name}: what was typed went elsewhere"

    def save(self) -> None:
        """Press Ctrl+S and wait until it is written."""
        self.page.keyboard.press("Control+s")
        self.page.wait_for_function("() => !jupyterapp.shell.currentWidget.context.model.dirty")
