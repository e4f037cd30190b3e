"""`make figures`: draw each SVG of source/figures/ as the PNG beside it, which `build` puts into the notebook.

COURSE=DIR: those of another course.

Chromium draws it, at twice its size; 64 colours are enough for flat drawings and a quarter of the bytes.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser

from tests import ROOT
from tests.support.browser import chromium

SCALE = 2
COLOURS = 64
FIGURES = ROOT / "source" / "figures"


def main(figures: Path) -> None:
    """Draw them all."""
    with chromium() as browser:
        for svg in sorted(figures.glob("*.svg")):
            drawn(browser, svg).save(svg.with_suffix(".png"), optimize=True)
            print(svg.with_suffix(".png"))


def drawn(browser: Browser, svg: Path) -> Image.Image:
    """The picture on white, with a palette."""
    window = browser.new_context(device_scale_factor=SCALE)
    page = window.new_page()
    page.set_content(f"<body style='margin:0'>{svg.read_text(encoding='utf-8')}</body>")
    shot = page.locator("svg").first.screenshot()
    window.close()
    picture = Image.open(io.BytesIO(shot)).convert("RGB")
    return picture.quantize(COLOURS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)


if __name__ == "__main__":
    main(Path(sys.argv[1], "source", "figures") if len(sys.argv) > 1 else FIGURES)
