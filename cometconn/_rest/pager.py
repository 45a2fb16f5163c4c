"""Lists that the server returns page by page, one page in memory at a time."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Final, Generic, TypeVar

import attrs
import trio

from cometconn._account.pages import PageMeta, list_elements
from cometconn.errors import ApiError, DecodeError

from .hints import with_hint

if TYPE_CHECKING:
    from .context import Reader

__all__ = ["ListPager", "Pager"]

T = TypeVar("T")

_MOST_BARREN: Final = 100
"""So many pages in a row, of which nothing can be read, end the list with an error."""


@attrs.define(eq=False, kw_only=True)
class Pager(ABC, Generic[T]):
    """Reads a list. It is read by one task at a time: `take()` an element, and `fetch()` when there is none.

    Attributes:
        reader: decodes the elements, for the user of the call.
        path: where the list is.
        query: the parameters that all pages have in common.
        per_page: how many elements a page is requested with.
        left: how many elements may still be returned; `None` for no limit.
    """

    most_per_page: ClassVar[int] = 100
    what: ClassVar[str] = "elements"

    reader: Reader
    path: str
    query: Mapping[str, str | int] = attrs.field(factory=dict)
    left: int | None = None
    per_page: int = attrs.field(init=False)
    _pending: deque[bytes] = attrs.field(factory=deque, init=False)
    _is_last: bool = attrs.field(default=False, init=False)
    _is_fetching: bool = attrs.field(default=False, init=False)
    _barren: int = attrs.field(default=0, init=False)

    @per_page.default
    def _choose_per_page(self) -> int:
        # One more than is wanted: a server that begins each page with the last element of the page before gets on, too.
        return self.most_per_page if self.left is None else min(self.most_per_page, self.left + 1)

    # What both kinds of list do in their own way.

    @abstractmethod
    def page_query(self) -> Mapping[str, str | int]:
        """Return the parameters of the next page."""

    @abstractmethod
    async def arrange(self, texts: list[bytes], meta: PageMeta) -> tuple[Sequence[bytes], bool]:
        """Return the elements of a page that are to be read, in order, and whether the page is the last one.

        What it changes it changes after its last checkpoint, so that a cancelled page can be fetched again.
        """

    @abstractmethod
    def read(self, text: bytes) -> T | None:
        """Decode one element; `None` if it is left out."""

    # What reads the list does.

    def take(self) -> T | None:
        """Return the next element of the page; `None` if it is left out, or `needs_page`. Takes no more than one decoding.

        Raises:
            StopAsyncIteration: the list is at its end.
        """
        if not self._pending:
            if self._is_last or self.left == 0:
                raise StopAsyncIteration
            return None
        found = self.read(self._pending.popleft())
        if found is not None and self.left is not None:
            self.left -= 1
            if self.left == 0:
                self._pending.clear()
        return found

    @property
    def needs_page(self) -> bool:
        """Whether the next thing to do is `fetch()`."""
        return not self._pending and not self._is_last

    def fetch(self) -> Callable[[], Awaitable[None]]:
        """Return the wait that fetches the next page. If it fails or is cancelled, the same page can be fetched again."""
        self.reader.check_user()
        query = {**self.query, **self.page_query()}
        return partial(self._fetch, self.reader.context.requests.undecoded(self.reader.call, self.path, query=query))

    async def _fetch(self, wait: Callable[[], Awaitable[Mapping[str, bytes]]]) -> None:
        if self._is_fetching:
            message = (
                f"{self.reader.call}: another task waits for the next page of this list. Make a call in each task."
            )
            raise RuntimeError(message)
        self._is_fetching = True
        try:
            members = await with_hint(wait)
            self.reader.check_user()
            texts = await list_elements(members.get("data", b""), self.what)
            arranged, self._is_last = await self.arrange(texts, PageMeta.read(members.get("meta", b"")))
            self._barren += 1
            if self._barren > _MOST_BARREN and not self._is_last:
                fault = f"has {_MOST_BARREN} pages in a row of which nothing can be read"
                raise self.error(fault)
            self._pending.extend(arranged)
        finally:
            self._is_fetching = False

    def is_readable(self) -> None:
        """Note that an element could be read."""
        self._barren = 0

    def stop(self) -> None:
        """End the list here."""
        self._pending.clear()
        self._is_last = True

    def error(self, fault: str) -> ApiError:
        """Return the error for a list with this *fault*."""
        return ApiError(f"{self.reader.call}: the server's list {fault}.", code="INVALID_LIST", status=200)


@attrs.define(eq=False, kw_only=True)
class ListPager(Pager[T]):
    """Reads a list whose pages have numbers. An element that has moved to the next page meanwhile is not returned again.

    Attributes:
        kind: the class of the elements.
        key: what distinguishes two elements.
        wants: whether an element is returned.
    """

    kind: type[T]
    key: Callable[[T], str]
    wants: Callable[[T], bool] = lambda _: True
    _page: int = attrs.field(default=0, init=False)
    _keys: dict[str, None] = attrs.field(factory=dict, init=False)  # of the page that is read, in order,
    _previous: frozenset[str] = attrs.field(default=frozenset(), init=False)  # and of the one before
    _landmark: int | None = attrs.field(default=None, init=False)

    def page_query(self) -> Mapping[str, str | int]:
        """Return the number of the page, and its size."""
        return {"per_page": self.per_page, "page": self._page + 1}

    async def arrange(self, texts: list[bytes], meta: PageMeta) -> tuple[Sequence[bytes], bool]:
        """Take the page as it is. It is the last if it is empty, or if the server has no further one."""
        await trio.lowlevel.checkpoint()
        self._check_cycle()
        self._page += 1
        self._previous, self._keys = frozenset(self._keys), {}
        return texts, not texts or (meta.total_pages is not None and meta.total_pages <= self._page)

    def _check_cycle(self) -> None:
        """Raise an error if the page that was read has been read before: its keys are compared with those of a landmark.

        The landmark is page 1, then 2, 4, 8, ..., so a list that repeats itself after any number of pages is found out, and
        one number is kept.
        """
        if not self._keys:
            return
        mark = hash(tuple(self._keys))
        if mark == self._landmark:
            fault = "repeats itself"
            raise self.error(fault)
        if self._page & (self._page - 1) == 0:
            self._landmark = mark

    def read(self, text: bytes) -> T | None:
        """Decode an element; `None` if it cannot be read, was on the page before, or is not wanted."""
        try:
            value = self.reader.value(self.kind, text)
        except DecodeError as error:
            self.reader.left_out(error)
            return None
        self.is_readable()
        key = self.key(value)
        is_new = key not in self._previous and key not in self._keys
        self._keys[key] = None
        return value if is_new and self.wants(value) else None
