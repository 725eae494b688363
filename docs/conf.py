"""How the documentation is built; `scripts/docs` builds it."""

from importlib.metadata import version as version_of

project = "longcall"
author = "The authors of longcall"
version = release = version_of("longcall")
language = "en_GB"
extensions = ["myst_parser"]
myst_heading_anchors = 4
smartquotes = False
nitpicky = True
html_theme = "furo"
html_title = f"longcall {version}"
html_show_sphinx = False
html_show_copyright = False
html_copy_source = False
html_static_path = ["_static"]
html_css_files = ["tables.css"]
