"""`cometconn.emulator.world.files`."""

from __future__ import annotations

import gc

import pytest

from cometconn.emulator.world.files import FileStore, StoredFile, StoreFullError, Ticket


def put(store: FileStore, size: int, name: str = "a.png", mime_type: str = "") -> StoredFile:
    """Store a file of so many bytes."""
    writer = store.writer()
    writer.write(bytes(size))
    return writer.finish(store.new_id(), name, mime_type)


def test_newer_files_push_out_the_oldest() -> None:
    """All together never have more than the limit, on disk neither."""
    store = FileStore(limit=10)
    first, second, third = put(store, 4), put(store, 4), put(store, 4)
    assert [store.get(file.id) for file in (first, second, third)] == [None, second, third]
    assert [file.path.exists() for file in (first, second, third)] == [False, True, True]
    assert store.used == 8
    store.close()


def test_a_file_that_is_being_written_counts_and_is_not_pushed_out() -> None:
    """When only such files are left, there is no room."""
    store = FileStore(limit=10)
    kept = put(store, 3)
    writer = store.writer()
    writer.write(bytes(8))
    assert store.get(kept.id) is None
    with pytest.raises(StoreFullError):
        writer.write(bytes(3))
    writer.abandon()
    assert store.used == 0
    store.close()


def test_the_folder_goes_with_the_store() -> None:
    """With `close()`, which may be called twice, and when nothing refers to the store any more."""
    closed, forgotten = FileStore(), FileStore()
    folders = [put(store, 1).path.parent for store in (closed, forgotten)]
    closed.close()
    closed.close()
    del forgotten
    gc.collect()
    assert [folder.exists() for folder in folders] == [False, False]
    assert closed.used == 0


@pytest.mark.parametrize(
    ("name", "given", "kept"),
    [
        ("a.png", "", "image/png"),
        ("a.png", "text/plain; charset=utf-8", "text/plain; charset=utf-8"),
        ("a.png", "nonsense\r\n", "image/png"),
        ("a", "", "application/octet-stream"),
    ],
)
def test_a_file_has_a_valid_type(name: str, given: str, kept: str) -> None:
    """The one that was given, or that of its name."""
    store = FileStore()
    assert put(store, 1, name, given).mime_type == kept
    store.close()


def test_an_attachment_has_the_url_of_its_file() -> None:
    """It is the same before the upload and after it, whatever the name of the file is."""
    store = FileStore()
    name = "../ä\ud800 b/c.tar.gz"
    ticket = Ticket("file-7", name, "text/plain", 1, {}, 0)
    writer = store.writer()
    writer.write(b"x")
    stored = writer.finish("file-7", name, "text/plain")
    assert stored.attachment("http://h") == ticket.attachment("http://h")
    assert stored.url_path == "/files/file-7/..%2F%C3%A4%3F%20b%2Fc.tar.gz"
    assert stored.attachment("http://h")["extension"] == "gz"
    store.close()


def test_a_file_of_the_same_id_is_replaced() -> None:
    """And its bytes are free again."""
    store = FileStore()
    for size in (5, 3):
        writer = store.writer()
        writer.write(bytes(size))
        writer.finish("same", "a", "")
    assert store.used == 3
    store.close()


def test_only_the_newest_permissions_are_known() -> None:
    """At most a thousand."""
    store = FileStore()
    for number in range(1_001):
        store.issue(str(number), Ticket(str(number), "a", "", 1, {}, 0))
    assert store.ticket("0") is None
    assert store.ticket("1") is not None
