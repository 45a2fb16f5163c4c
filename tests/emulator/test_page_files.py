"""`cometconn.emulator.page_files`: the files of the page, and the headers that keep it to itself."""

from __future__ import annotations

import pathlib
import re

import httpx2
import pytest

from cometconn.emulator import open_emulator, page_files

FOLDER = pathlib.Path(page_files.__file__).parent / "page"
FILES = sorted(str(path.relative_to(FOLDER)) for path in FOLDER.rglob("*") if path.is_file())


async def test_every_file_is_served_and_every_link_leads_to_one() -> None:
    """With its media type; the page loads nothing that is not there, and nothing from elsewhere."""
    async with open_emulator(control=True) as server, httpx2.AsyncClient(base_url=server.url, timeout=5) as http:
        index = await http.get("/")
        assert index.headers["content-type"] == "text/html; charset=utf-8"
        links = set(re.findall(r'(?:src|href)="([^"#]+)"', index.text))
        assert {"/page/script.js", "/page/style.css", "/control/state", "/control/controls"} <= links
        assert len(links) <= 5, "more take a further round of requests: a browser has six connections"
        for name in FILES:
            answer = await http.get(f"/page/{name}")
            assert (answer.status_code, answer.content) == (200, (FOLDER / name).read_bytes())
            links |= {f"/page/js/{other}" for other in re.findall(r'from "\./([^"]+)"', answer.text)}
            elsewhere = answer.text.replace("http://www.w3.org/2000/svg", "")
            assert not re.search(r"https?://|//[a-z]+\.[a-z]", elsewhere), f"{name} names another host"
        for link in links:
            answer = await http.get(link)
            assert answer.status_code == 200, link
            kinds = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
            kind = kinds.get(link.rpartition(".")[2])
            assert answer.headers["content-type"] == (f"{kind}; charset=utf-8" if kind else "application/json")


async def test_modules_and_style_sheets_are_joined() -> None:
    """Each module stands after those that it imports, in a scope of its own, and nothing is imported at run time."""
    async with open_emulator(control=True) as server, httpx2.AsyncClient(base_url=server.url, timeout=5) as http:
        script, style = (await http.get("/page/script.js")).text, (await http.get("/page/style.css")).text
    assert not re.search(r"^\s*(import|export)\b", script, re.MULTILINE)
    begins = {
        name: script.index(f"// {name}\nconst {{") for path in FILES if (name := path.removeprefix("js/")) != path
    }
    assert len(begins) > 10
    exports: list[str] = []
    for name, begin in begins.items():
        text = (FOLDER / "js" / name).read_text(encoding="utf-8")
        exports += re.findall(r"^export (?:async )?\w+ (\S+?)[ (]", text, re.MULTILINE)
        for imported in re.findall(r'from "\./([^"]+)"', text):
            assert begins[imported] < begin, f"{imported} comes after {name}"
    assert len(set(exports)) == len(exports), "two modules export the same name"
    for path in FILES:
        if path.endswith(".css"):
            assert (FOLDER / path).read_text(encoding="utf-8") in style
    assert ".timeline{" in style


def test_nothing_is_inline() -> None:
    """No script, style sheet or handler stands in the page, so the policy needs no exception."""
    text = (FOLDER / "index.html").read_text(encoding="utf-8")
    assert not re.search(r"<style|<script(?![^>]*\bsrc=)|\son\w+=|\sstyle=|javascript:", text)
    scripts = "".join((FOLDER / name).read_text(encoding="utf-8") for name in FILES if name.endswith(".js"))
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", scripts)


async def test_the_page_is_for_this_machine_and_this_server_only() -> None:
    """The same hosts and origins as for the controls; a browser runs, loads and frames nothing else."""
    async with open_emulator(control=True) as server, httpx2.AsyncClient(base_url=server.url, timeout=5) as http:
        for path in ("/", "/page/js/main.js"):
            headers = (await http.get(path)).headers
            policy = dict(part.strip().partition(" ")[::2] for part in headers["content-security-policy"].split(";"))
            assert policy["default-src"] == policy["frame-ancestors"] == policy["form-action"] == "'none'"
            assert {policy[f"{kind}-src"] for kind in ("script", "style", "img", "connect")} == {"'self'"}
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["referrer-policy"] == "no-referrer"
            assert headers["cross-origin-resource-policy"] == "same-origin"
            for foreign, code in (
                ({"host": "evil.example"}, "ERR_NOT_LOCAL"),
                ({"origin": "https://evil.example"}, "ERR_FOREIGN_ORIGIN"),
            ):
                refused = await http.get(path, headers=foreign)
                assert (refused.status_code, refused.json()["error"]["code"]) == (403, code)
        for method, path, status in (
            ("POST", "/", 405),
            ("GET", "/page/none.js", 404),
            ("GET", "/page/", 404),
            ("GET", "/page/%2e%2e/log.py", 404),
        ):
            assert (await http.request(method, path)).status_code == status, path
    async with open_emulator() as server, httpx2.AsyncClient(base_url=server.url, timeout=5) as http:
        assert (await http.get("/")).status_code == 404, "without control there is no page"


async def test_a_browser_loads_a_file_once() -> None:
    """The next request names what the browser has, and the response is 304 without a body."""
    async with open_emulator(control=True) as server, httpx2.AsyncClient(base_url=server.url, timeout=5) as http:
        first = await http.get("/page/js/main.js")
        assert first.headers["cache-control"] == "no-cache"
        tag = first.headers["etag"]
        for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
            again = await http.get("/page/js/main.js", headers={"if-none-match": known})
            assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
        assert (await http.get("/page/js/main.js", headers={"if-none-match": '"other"'})).status_code == 200
        assert (await http.get("/")).headers["etag"] != tag


@pytest.mark.parametrize("name", [name for name in FILES if name.endswith((".js", ".css"))])
def test_the_files_are_short_and_explained(name: str) -> None:
    """The first line of a module describes it."""
    text = (FOLDER / name).read_text(encoding="utf-8")
    assert len(text.splitlines()) < 300
    assert name.endswith(".css") or re.match(r"// [A-Z].*[.]", text)
