"""A chat window: Qt runs the program, Trio is its guest."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from guest_chat import GuestChat
from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QWindow
from PySide6.QtWidgets import QApplication, QListWidget

if TYPE_CHECKING:
    from collections.abc import Callable

OUT_OF_SIGHT = {Qt.ApplicationState.ApplicationSuspended, Qt.ApplicationState.ApplicationHidden}
UNSEEN = {QWindow.Visibility.Hidden, QWindow.Visibility.Minimized}


class Postbox(QObject):
    """Calls functions in Qt's thread, whichever thread they are posted from."""

    post = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.post.connect(self.call, Qt.ConnectionType.QueuedConnection)

    def call(self, function: Callable[[], object]) -> None:
        """Call it."""
        function()


def in_sight(app: QApplication) -> bool:
    """Return whether there is something to see. A window without the focus is still read; a minimised one is not."""
    if app.applicationState() in OUT_OF_SIGHT:  # phones; Command-H
        return False
    return any(window.visibility() not in UNSEEN for window in app.topLevelWindows())


def main() -> None:
    """Show a window until it is closed."""
    app = QApplication(sys.argv)
    app.setQuitOnLastWindowClosed(False)  # the closing handshake comes first; `ended` then ends the loop
    window = QListWidget()
    window.show()
    outcomes: list[Any] = []

    def ended(outcome: Any) -> None:
        outcomes.append(outcome)
        app.quit()

    postbox = Postbox()
    chat = GuestChat(postbox.post.emit, window.addItem, ended)
    app.applicationStateChanged.connect(lambda _: chat.in_sight(in_sight(app)))
    window.windowHandle().visibilityChanged.connect(lambda _: chat.in_sight(in_sight(app)))
    app.lastWindowClosed.connect(chat.leave)
    chat.start()
    app.exec()
    outcomes[0].unwrap()  # an error of the chat's is the program's


if __name__ == "__main__":
    main()
