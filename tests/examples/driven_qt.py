"""Runs the Qt example and controls its window by commands on standard input. Arguments: the server's address."""

from __future__ import annotations

import functools
import pathlib
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import desktop_qt
import guest_chat
from PySide6.QtWidgets import QApplication, QListWidget


def obey(words: str) -> None:
    """Do what the mouse would do."""
    (window,) = (widget for widget in QApplication.topLevelWidgets() if isinstance(widget, QListWidget))
    match words:
        case "minimise":
            window.showMinimized()
        case "hide":
            window.hide()
        case "restore":
            window.showNormal()
        case "show":
            print([window.item(row).text() for row in range(window.count())], flush=True)
        case "close":
            window.close()


class DrivenPostbox(desktop_qt.Postbox):
    """The program's postbox, which takes the commands, too."""

    def __init__(self) -> None:
        super().__init__()
        threading.Thread(target=self.read, daemon=True).start()

    def read(self) -> None:
        """Pass on commands, from a thread."""
        for line in sys.stdin:
            self.post.emit(functools.partial(obey, line.strip()))


guest_chat.SERVER = sys.argv.pop(1)
desktop_qt.Postbox = DrivenPostbox
desktop_qt.main()
