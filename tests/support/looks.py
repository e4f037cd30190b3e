"""What can be measured of how a notebook looks in JupyterLab or Notebook 7: formulas, widths, contrast."""

from __future__ import annotations

from tests.support.browser import OpenNotebook

LIGHT, DARK = "JupyterLab Light", "JupyterLab Dark"
LEAST_CONTRAST = 4.5  # of text and its ground: level AA of the Web Content Accessibility Guidelines
# Formulas are set one after the other, without a word when it is over.
SETTLED = """() => {
    const now = document.querySelectorAll('mjx-container').length;
    const calm = window.formulas === now;
    window.formulas = now;
    return calm;
}"""
FLAWS = """([least, name]) => {
    const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
    const rgba = colour => {
        canvas.clearRect(0, 0, 1, 1);
        canvas.fillStyle = colour;
        canvas.fillRect(0, 0, 1, 1);
        return [...canvas.getImageData(0, 0, 1, 1).data].map(part => part / 255);
    };
    const light = ([r, g, b]) => {
        const linear = part => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
        return 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
    };
    const ground = element => {
        for (; element; element = element.parentElement) {
            const colour = rgba(getComputedStyle(element).backgroundColor);
            if (colour[3] > 0.9) return colour;
        }
        return [1, 1, 1, 1];
    };
    const contrast = element => {
        const [a, b] = [light(rgba(getComputedStyle(element).color)), light(ground(element))];
        return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    };
    const visible = element => element.checkVisibility() && getComputedStyle(element).clipPath === 'none';
    const notebook = jupyterapp.shell.currentWidget.content;
    const node = notebook.widgets.find(cell => cell.model.id === name).node;
    const found = new Set();
    for (const area of node.querySelectorAll('.jp-RenderedHTMLCommon, .jp-OutputArea-output')) {
        if (!visible(area)) continue;
        if (area.querySelector('mjx-merror, [data-mml-node=merror], [data-mjx-error], mjx-mtext[style*="red"]'))
            found.add('formula in error');
        const edge = area.getBoundingClientRect().right + 1;
        for (const element of [area, ...area.querySelectorAll('*')]) {
            if (element.parentElement.closest('mjx-container')) continue;
            const words = [...element.childNodes].filter(child => child.nodeType === 3 && child.data.trim());
            if (element.getBoundingClientRect().right > edge || element.scrollWidth > element.clientWidth + 1
                && ['auto', 'scroll'].includes(getComputedStyle(element).overflowX)) found.add('too wide');
            if (!words.length) continue;
            const prose = !element.closest('pre, code');
            if (prose && words.some(word => word.data.includes('$'))) found.add('formula as text');
            if (contrast(element) < least) found.add('faint');
        }
    }
    // A line break after a full stop or a comma of Chinese is a gap in the middle of a line.
    for (const text of node.querySelectorAll('.jp-RenderedMarkdown p, .jp-RenderedMarkdown li'))
        if (/[。，：；！？、）]\\s+\\S|[\\u4e00-\\u9fff]\\n[\\u4e00-\\u9fff]/.test(text.textContent)) found.add('gap');
    return [...found];
}"""


def flaws(notebook: OpenNotebook, theme: str) -> dict[str, list[str]]:
    """Put on a theme, go through the notebook from top to bottom, and return what looks wrong, by cell."""
    page = notebook.page
    page.evaluate("theme => jupyterapp.commands.execute('apputils:change-theme', {theme})", theme)
    page.wait_for_function("light => document.body.dataset.jpThemeLight === light", arg=str(theme == LIGHT).lower())
    names = [cell["id"] for cell in notebook.cells]
    for name in names:
        notebook.show(name)
    page.wait_for_function(SETTLED, polling=1000)
    found = {name: page.evaluate(FLAWS, [LEAST_CONTRAST, name]) for name in names}
    return {name: sorted(flawed) for name, flawed in found.items() if flawed}
