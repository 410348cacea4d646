"""A browser, where a person sits before one."""

from __future__ import annotations

import os
import sys
import webbrowser


def show(url: str) -> bool:
    """Open `url` and tell whether a browser took it. Without a screen none is tried: a text browser takes the terminal."""
    screen = sys.platform == "darwin" or any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))
    try:
        return bool(screen and webbrowser.open(url))
    except webbrowser.Error:
        return False
