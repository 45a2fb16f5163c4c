"""Turns code in single backticks into links, in pages and docstrings, if it names something of ours."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from docutils import nodes
from sphinx.domains.python import PythonDomain
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.nodes import make_refnode

if TYPE_CHECKING:
    from sphinx.addnodes import pending_xref
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

NAME = re.compile(r"(?:chat\.|cometconn\.)?(?P<name>[A-Za-z_][\w.]*)(?P<call>\(.*\))?", re.DOTALL)


_OURS = re.compile(r"\bcometconn\.(?:\w+\.)*(\w+)")
_TYPES = frozenset({"class", "exception", "data", "type"})


class NameFields(SphinxPostTransform):
    """Shows attributes below the heading that the docstrings have, and types without their modules."""

    default_priority = 5

    def run(self, **_: Any) -> None:
        """Go through the fields of one page."""
        for name in self.document.findall(nodes.field_name):
            if name.astext() == "Variables":
                name.children = [nodes.Text("Attributes")]
        # Types are shown without the module that defines them.
        for emphasis in self.document.findall(nodes.emphasis):
            for text in list(emphasis.findall(nodes.Text)):
                text.parent.replace(text, nodes.Text(_OURS.sub(r"\1", text)))


class LinkNames(SphinxPostTransform):
    """Links `TextMessage`, `ping()` and `chat.status` to their documentation."""

    default_priority = 5

    def run(self, **_: Any) -> None:
        """Go through the code of one page."""
        domain = self.env.domains.python_domain
        for literal in list(self.document.findall(nodes.literal)):
            if isinstance(literal.parent, nodes.reference) or _in_heading(literal):
                continue
            text = literal.astext()
            found = _find(domain, text)
            if found is not None:
                name, entry = found
                link = make_refnode(
                    self.app.builder, self.env.docname, entry.docname, entry.node_id, literal.deepcopy(), name
                )
                literal.replace_self(link)


def _in_heading(node: nodes.Node) -> bool:
    return isinstance(node.parent, nodes.title)


def _find(domain: PythonDomain, text: str) -> tuple[str, Any] | None:
    match = NAME.fullmatch(text)
    if match is None:
        return None
    name, is_code = match["name"], bool(match["call"]) or text.startswith(("chat.", "cometconn."))
    # A lower-case word may be anything, unless it is called or belongs to `chat`.
    if not (is_code or name[0].isupper()):
        return None
    wanted = f"CometChat.{name}" if text.startswith("chat.") else name
    hits = {
        (entry.docname, entry.node_id): (full, entry)
        for full, entry in domain.objects.items()
        if (full == wanted or full.endswith(f".{wanted}")) and not entry.aliased
    }
    if len(hits) > 1:  # a page that writes `connect()` means the method of the client
        hits = {place: hit for place, hit in hits.items() if hit[0] == f"cometconn.CometChat.{wanted}"}
    return next(iter(hits.values()), None) if len(hits) == 1 else None


def find_shown_name(app: Sphinx, env: BuildEnvironment, node: pending_xref, contnode: nodes.Element) -> Any:
    """Find the documentation of a class that a signature names by another module than the public one."""
    if node.get("refdomain") != "py":
        return None
    last = node["reftarget"].rpartition(".")[2]
    hits = {
        (entry.docname, entry.node_id): (full, entry)
        for full, entry in env.domains.python_domain.objects.items()
        if full.rpartition(".")[2] == last and not entry.aliased and entry.objtype in _TYPES
    }
    if len(hits) != 1:
        return None
    ((full, entry),) = hits.values()
    return make_refnode(app.builder, node["refdoc"], entry.docname, entry.node_id, contnode, full)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the transforms."""
    app.add_post_transform(NameFields)
    app.add_post_transform(LinkNames)
    app.connect("missing-reference", find_shown_name)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
