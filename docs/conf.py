"""How the documentation is built. `nox -s docs` does it; nothing here needs a network."""

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
    # Ours, in _ext.
    "command_line",
    "docstrings",
    "event_kinds",
    "lifecycle",
    "links",
]

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
smartquotes_action = "D"  # dashes; quotes stay straight, as in code

# Docstrings put code into single backticks, as Markdown does; `links` makes links of those that are names of ours.
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

# Every reference must lead somewhere. What is not ours has no page here, and there is no network to ask for one.
nitpicky = True
nitpick_ignore_regex = [
    # The standard library, and what Trio, attrs, Hypothesis, pytest and wsproto own.
    (
        r"py:.*",
        r"(?:builtins|collections|contextlib|datetime|enum|logging|os|pathlib|ssl|typing|types|random)(?:\..*)?",
    ),
    (r"py:.*", r"(?:trio|attrs?|hypothesis|pytest|wsproto|jeepney|st)(?:\..*)?"),
    # How the local server keeps its people: to look at, not to build upon.
    (r"py:class", r"cometconn\.emulator\.world\.people\..*"),
    # What `SystemEnvironment` is made of inside, and what `SavedSession` holds.
    (r"py:class", r"Proxies|cometconn\._account\.session\.Session"),
    # The standard library's, where an annotation names them without their module.
    (r"py:.*", r"Any|AbstractAsyncContextManager|Async(?:Generator|Iterator)|Awaitable|Callable|ClassVar|Iterable"),
    (r"py:.*", r"Iterator|Literal|Mapping|NoReturn|Protocol|Self|Sequence|TypeAlias"),
]

exclude_patterns = ["_build"]
# Public packages that an installation may not have yet: their pages are left out where the package is missing.
OPTIONAL_PAGES = {"api/instrumentation": "cometconn.instrumentation", "api/appstate": "cometconn.appstate"}
exclude_patterns += [f"{page}.md" for page, name in OPTIONAL_PAGES.items() if importlib.util.find_spec(name) is None]

html_theme = "furo"
html_title = f"cometconn {release}"
html_static_path = ["_static"]
html_css_files = ["cometconn.css"]
html_show_sphinx = False
html_copy_source = False
html_theme_options = {"navigation_with_keys": True}
pygments_style = "friendly"
pygments_dark_style = "monokai"
