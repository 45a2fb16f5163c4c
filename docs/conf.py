"""Settings of Sphinx. `nox -s docs` builds the documentation, without the network."""

from __future__ import annotations

import importlib.util
import pathlib
import sys

import cometconn

sys.path.insert(0, str(pathlib.Path(__file__).parent / "_ext"))

project = "cometconn"
author = "the cometconn developers"
project_copyright = "the cometconn developers"
version = release = cometconn.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    # Ours, in _ext.
    "architecture",
    "command_line",
    "controls",
    "docstrings",
    "event_kinds",
    "fleet_sizes",
    "lifecycle",
    "links",
]

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
myst_fence_as_directive = ["mermaid"]  # `lifecycle` has the directive
smartquotes_action = "D"  # dashes; quotes stay straight, as in code

# Docstrings put code into single backticks, as Markdown does. `links` turns those that name something of ours into links.
default_role = "code"
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_class_signature = "mixed"
add_module_names = False
autodoc_default_options = {"members": True}
autodoc_preserve_defaults = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
napoleon_use_rtype = False

# Every reference must have a target. Names of other projects have no page here, and the build uses no network.
nitpicky = True
nitpick_ignore_regex = [
    # The standard library, and what Trio, attrs, Hypothesis, pytest and wsproto own.
    (
        r"py:.*",
        r"(?:builtins|collections|contextlib|datetime|enum|logging|os|pathlib|ssl|typing|types|random)(?:\..*)?",
    ),
    (r"py:.*", r"(?:trio|attrs?|hypothesis|pytest|wsproto|jeepney|st)(?:\..*)?"),
    # The local server's records of users: internal, but shown in signatures.
    (r"py:class", r"cometconn\.emulator\.world\.people\..*"),
    # The inside of `SystemEnvironment`, of `SavedSession` and of the emulator.
    (
        r"py:class",
        r"Calls|Form|Proxies|StoredFile|cometconn\._account\.session\.Session|cometconn\.fleet\.memory_state\.MemoryState|cometconn\.emulator\.recording\.Recording",
    ),
    # What a worker of a fleet has, beside its public names.
    (
        r"py:class",
        r"LocalLease|Handler|LoginFunction|_Partition|ChangeStream|cometconn\.fleet\.(?:change_feed\.ChangeStream|counters\.WorkerStatistics)",
    ),
    # Those of prometheus_client and OpenTelemetry.
    (r"py:class", r"CollectorRegistry|Metric|Meter"),
    # The types of a stream's events, and the keywords of `events()` in its overloads.
    (r"py:class", r"(?:cometconn\._streams\.event_stream\.)?EventT_co|[ABCD]|StreamKeywords"),
    # What the objects of `chat.messages` and its like are made with, and the type variables of lists.
    (r"py:class", r"Context|Pager|(?:cometconn\._rest\.messages\.)?M|(?:cometconn\._rest\.listing\.)?T_co"),
    # The standard library's, where an annotation names them without their module.
    (r"py:.*", r"Any|AbstractAsyncContextManager|Async(?:Generator|Iterator)|Awaitable|Callable|ClassVar|Iterable"),
    (r"py:.*", r"Iterator|Literal|Mapping|NoReturn|Protocol|Self|Sequence|TypeAlias"),
]

exclude_patterns = ["_build"]
# The pages of public packages that an installation lacks are left out.
OPTIONAL_PAGES = {"api/instrumentation": "cometconn.instrumentation", "api/appstate": "cometconn.appstate"}
exclude_patterns += [f"{page}.md" for page, name in OPTIONAL_PAGES.items() if importlib.util.find_spec(name) is None]

# A button to copy code and commands, but not what they print. It leaves out prompts and the output of a REPL.
copybutton_selector = "div:not(.highlight-text):not(.highlight-json) > div.highlight > pre"
copybutton_exclude = ".linenos, .gp, .go"

html_theme = "furo"
html_title = f"cometconn {release}"
html_static_path = ["_static"]
html_css_files = ["cometconn.css"]
html_show_sphinx = False
html_copy_source = False
html_theme_options = {"navigation_with_keys": True}
pygments_style = "friendly"
pygments_dark_style = "monokai"
