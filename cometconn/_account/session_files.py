"""The files of one session while a client has them open. Every call may block for as long as the disk does."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import attrs

from cometconn._text.foreign_text import KnownSecrets
from cometconn.errors import StoreError

from .disk import check_folder, move_aside, read_own_file, remove_unfinished, write_beside
from .file_lock import FileLock
from .saved_position import POSITION_LIMIT, SavedPosition
from .saved_session import LIMIT, SavedSession, read_saved
from .store import IN_USE

if TYPE_CHECKING:
    import pathlib

__all__ = ["SessionFiles", "in_use"]

_LOG = logging.getLogger("cometconn")


def in_use(path: pathlib.Path) -> StoreError:
    """Return the error for a session file that another client has locked."""
    message = f"The session file {path} is in use by another client: close it, or choose another file."
    return StoreError(message, code=IN_USE)


@attrs.define(eq=False)
class SessionFiles:
    """The session file, the position file beside it, and their lock, from `load()` to `release()`.

    Attributes:
        path: the session file.
        app_id: the app whose session it is.
    """

    path: pathlib.Path
    app_id: str
    _lock: FileLock = attrs.field(init=False)
    _position_path: pathlib.Path = attrs.field(init=False)
    _saved: SavedSession = attrs.field(init=False, repr=False)
    _old_position: SavedPosition | None = attrs.field(default=None, init=False)  # from a session file of version 0.1.0

    def __attrs_post_init__(self) -> None:
        """Create the lock, and derive the name of the position file."""
        self._lock = FileLock(self.path)
        self._position_path = self.path.with_name(f"{self.path.name}.position")

    def load(self) -> SavedSession:
        """Lock the files and read the session."""
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            check_folder(self.path)
            taken = self._lock.take()
        except OSError as error:
            # mkdir() reports a file in place of a folder as a file that exists.
            reason = "its folder is a file" if isinstance(error, FileExistsError) else error.strerror or error
            message = f"The session file {self.path} cannot be locked: {reason}."
            raise StoreError(message) from error
        if not taken:
            raise in_use(self.path)
        try:
            saved = self._read()
            remove_unfinished(self.path, self._position_path)
        except BaseException:
            self._lock.release()
            raise
        self._saved = saved or SavedSession.new(self.app_id)
        return self._saved

    def save(self, saved: SavedSession) -> None:
        """Write the session. A position that only the old text form of the file holds is written first."""
        if saved.app_id != self.app_id:
            message = f"The session file {self.path} was opened for the app {self.app_id}, not for {saved.app_id}."
            raise StoreError(message)
        if self._old_position is not None and self._old_position.uid == saved.uid:
            self.save_position(self._old_position, durable=True)
        try:
            self._write(self.path, saved.to_text(), durable=True)
        except OSError as error:
            message = f"The session cannot be saved in {self.path}: {error.strerror or error}."
            raise StoreError(message) from error
        self._saved = saved

    def forget(self) -> None:
        """Write the session file without a session, and remove the position."""
        self._old_position = None
        what_stays = "the session" if self._saved.session is not None else "the file"
        try:
            self._write(self.path, self._saved.logged_out().to_text(), durable=True)
            self._saved = self._saved.logged_out()
            what_stays = "the position"
            self._position_path.unlink(missing_ok=True)
        except OSError as error:
            message = (
                f"The session cannot be removed from {self.path}: {error.strerror or error}. Still saved: {what_stays}."
            )
            raise StoreError(message) from error

    def load_position(self) -> SavedPosition | None:
        """Read the position; if there is none, return the one from the session file's old text form."""
        content = read_own_file(self._position_path, POSITION_LIMIT + 1)
        if content is not None:
            try:
                position = SavedPosition.from_text(content.decode())
            except ValueError:
                position = None
            if position is not None and position.app_id == self.app_id:
                return position
            self._move_aside(self._position_path, "position")
        return self._old_position

    def save_position(self, saved: SavedPosition, *, durable: bool) -> None:
        """Write the position."""
        try:
            self._write(self._position_path, saved.to_text(), durable=durable)
        except OSError as error:
            message = f"The position cannot be saved in {self._position_path}: {error.strerror or error}."
            raise StoreError(message) from error
        self._old_position = None

    def release(self) -> None:
        """Give up the lock."""
        self._lock.release()

    def _read(self) -> SavedSession | None:
        content = read_own_file(self.path, LIMIT + 1, self._hold)
        if content is None:
            return None
        try:
            saved, last_id = read_saved(content.decode())
        except ValueError:
            saved = None
        if saved is None or saved.app_id != self.app_id:
            self._move_aside(self.path, "session")
            return None
        if saved.uid is not None and last_id is not None:
            self._old_position = SavedPosition(saved.app_id, saved.uid, None, last_id)
        return saved

    def _write(self, path: pathlib.Path, text: str, *, durable: bool) -> None:
        if not self._lock.is_held():
            raise in_use(self.path)
        hold = self._lock.hold if path == self.path else bool
        write_beside(path, text.encode(), durable=durable, written=hold)

    def _hold(self, descriptor: int) -> None:
        if not self._lock.hold(descriptor):
            raise in_use(self.path)

    def _move_aside(self, path: pathlib.Path, what: str) -> None:
        try:
            name = move_aside(path)
        except OSError as error:
            message = f"The {what} file {path} cannot be read, nor moved aside: {error.strerror or error}."
            raise StoreError(message) from error
        _LOG.warning(
            "The %s file %s cannot be read or is another app's; it was moved to %s",
            what,
            *map(KnownSecrets().masked, (path, name)),
        )
