"""The files of the server's page: HTML, style sheets and modules, as they lie in the package, and joined into one of each.

A browser has six connections to a server, so that 20 files take four rounds of requests, which are most of the time until
the page is drawn.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.resources
import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from cometconn._environment import Response

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from importlib.resources.abc import Traversable

__all__ = ["PAGE_HEADERS", "page_file"]

_TYPES: Final = {"html": "text/html", "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}

_IMPORT: Final = re.compile(r'^import \{ [^}]+ \} from "\./([^"]+)";$', re.MULTILINE)
_EXPORT: Final = re.compile(r"^export (?:async )?(?:function|class|const) (\w+|\$)", re.MULTILINE)

_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types timeline"
)

PAGE_HEADERS: Final[Mapping[str, str]] = {
    "content-security-policy": _POLICY,
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
"""With every file: the page runs scripts of this server only, connects to this server only, and is in no frame."""


def page_file(path: str, headers: Mapping[str, str]) -> Response | None:
    """Return the response for the file at *path*, `/` or below `/page/`; `None` if there is none.

    A browser keeps the file, and checks at each use whether it is still the same.

    Args:
        path: the path of the URL.
        headers: of the request, with names in lower case.
    """
    found = _files().get("/page/index.html" if path == "/" else path)
    if found is None:
        return None
    content, kind, tag = found
    kept = {**PAGE_HEADERS, "cache-control": "no-cache", "etag": tag}
    known = {each.strip().removeprefix("W/") for each in headers.get("if-none-match", "").split(",")}
    if tag in known or "*" in known:
        return Response(HTTPStatus.NOT_MODIFIED, kept, b"")
    return Response(HTTPStatus.OK, {**kept, "content-type": kind}, content)


@functools.cache
def _files() -> dict[str, tuple[bytes, str, str]]:
    """Return content, media type and entity tag of each file, by its path. They are read at the first request."""
    from cometconn.instrumentation.timeline.style import STYLE  # noqa: PLC0415 - as in `controls`

    contents = _read(importlib.resources.files("cometconn.emulator") / "page", "/page")
    sheets = [content for path, content in sorted(contents.items()) if path.endswith(".css")]
    contents["/page/style.css"] = b"".join([*sheets, f".timeline{{{STYLE}}}".encode()])
    modules = {
        path.rpartition("/")[2]: content.decode() for path, content in contents.items() if path.startswith("/page/js/")
    }
    contents["/page/script.js"] = "".join(_joined("main.js", modules)).encode()
    return {
        path: (
            content,
            f"{_TYPES[path.rpartition('.')[2]]}; charset=utf-8",
            f'"{hashlib.sha256(content).hexdigest()[:32]}"',
        )
        for path, content in contents.items()
    }


def _joined(name: str, modules: dict[str, str]) -> Iterator[str]:
    """Take a module with all that it imports from *modules*, each once, after those that it imports itself.

    Each becomes a function of its own, which returns what it exports, so that private names need not differ.
    """
    text = modules.pop(name)
    for imported in _IMPORT.findall(text):
        if imported in modules:
            yield from _joined(imported, modules)
    exported = ", ".join(_EXPORT.findall(text))
    body = _EXPORT.sub(lambda found: found[0].removeprefix("export "), _IMPORT.sub("", text))
    yield f"// {name}\nconst {{ {exported} }} = (() => {{\n{body}\nreturn {{ {exported} }};\n}})();\n"


def _read(folder: Traversable, path: str) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for item in folder.iterdir():
        if item.is_dir():
            found |= _read(item, f"{path}/{item.name}")
        elif item.name.rpartition(".")[2] in _TYPES:
            found[f"{path}/{item.name}"] = item.read_bytes()
    return found
