"""How Sphinx builds the documentation: `make docs`."""

import sys
from importlib import metadata
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_extensions"))

project = "Forebay"
release = version = metadata.version("forebay")

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "command_reference",
    "public_names",
]
exclude_patterns = ["_extensions"]

# Every heading is a target, so that a link to one that is not there is an error.
myst_heading_anchors = 4

# A name in single backquotes in a docstring is a link where it is a public name, else code.
default_role = "py:obj"
# Quotes in help and code are to be copied as they are.
smartquotes = False
add_module_names = False
autodoc_typehints = "none"
autodoc_preserve_defaults = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
maximum_signature_line_length = 88

# No fonts, scripts or badges from elsewhere: the pages are read without a network.
html_theme = "furo"
html_title = f"Forebay {release}"
html_static_path = ["_static"]
html_css_files = ["forebay.css"]
html_show_sphinx = False
html_show_copyright = False
html_copy_source = False
html_theme_options = {"navigation_with_keys": True}
copybutton_prompt_text = "$ "
