"""How the documentation is built: `make docs`. Nothing is fetched, neither when it is built nor when it is read."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent / "src"), str(HERE / "_ext")]

import leadline  # noqa: E402 (of this checkout)

project = "leadline"
author = "the leadline authors"
html_show_copyright = False
release = version = leadline.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "generated"]
exclude_patterns = ["_build", "_ext"]
source_suffix = {".md": "markdown"}
language = "en"

myst_heading_anchors = 4  # the anchors that GitHub makes
myst_links_external_new_tab = False

html_theme = "furo"
html_title = f"leadline {release}"
html_copy_source = False
html_show_sphinx = False
html_static_path = ["_static"]
html_css_files = ["leadline.css"]
html_extra_path = ["../src/leadline/config.schema.json"]
html_theme_options = {"top_of_page_buttons": []}
html_last_updated_fmt = None  # a build of the same sources is the same

pygments_style = "friendly"
highlight_language = "none"

autodoc_typehints = "description"
autodoc_typehints_format = "short"
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
autodoc_class_signature = "separated"
napoleon_google_docstring = False
napoleon_use_rtype = False
add_module_names = False

nitpicky = True
# Other projects' types: their documentation isn't fetched, so these names have nowhere to lead.
nitpick_ignore_regex = [
    ("py:.*", r"(?!leadline\.).*"),
    (
        "py:class",
        r"leadline\.(core|dataset|features|evaluation|model|monitoring|promotion|scoring|workflows\.(training|monitor))\..*",
    ),  # inner records
]
