"""How the site is built: ``sphinx-build -W docs docs/_build``."""

import os
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, str(Path(__file__).resolve().parent))

import pictures

import skdr

project = "skdr"
author = "the skdr developers"
version = release = skdr.__version__

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.intersphinx",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
]
myst_enable_extensions = ["colon_fence"]
exclude_patterns = ["_build"]
templates_path = ["_templates"]
html_theme = "pydata_sphinx_theme"
html_theme_options = {"show_prev_next": False, "navbar_align": "left"}
html_title = "skdr"
html_static_path = ["_static"]
html_css_files = ["skdr.css"]
# Pages that are a section of their own have nothing to list beside them.
alone = ["index", "scenarios", "retinopathy", "benchmarks", "alternatives", "search", "genindex"]
html_sidebars = {page: [] for page in alone}
myst_heading_anchors = 3

autosummary_generate = True
autodoc_typehints = "none"  # the docstrings give types, with shapes and units
numpydoc_show_class_members = False
numpydoc_xref_param_type = False

# SKDR_DOCS_OFFLINE=1 builds without a network: links to other projects are left out.
offline = bool(os.environ.get("SKDR_DOCS_OFFLINE"))
other_projects = {
    "imblearn": ("https://imbalanced-learn.org/stable", None),
    "numpy": ("https://numpy.org/doc/stable", None),
    "pandas": ("https://pandas.pydata.org/docs", None),
    "python": ("https://docs.python.org/3", None),
    "sklearn": ("https://scikit-learn.org/stable", None),
}
intersphinx_mapping = {} if offline else other_projects
suppress_warnings = [
    "config.cache",  # the gallery's settings hold a function
    *(["ref.ref"] if offline else []),  # inherited docstrings refer to scikit-learn's pages
]

scratch = tempfile.mkdtemp()
started = time.time()


def small_settings(gallery_conf, script_vars):
    """Return the options of an example, so that the whole gallery runs in minutes."""
    script = Path(script_vars["src_file"]).name
    smaller = {
        "plot_four_strategies.py": ["--per-class", "20", "--image-size", "64"],
        "plot_founding_experiment.py": [
            *("--seeds", "1", "--train-per-class", "12"),
            *("--scratch-epochs", "2", "--fine-tune-epochs", "2"),
        ],
        "plot_grad_cam.py": ["--per-class", "20", "--image-size", "128"],
    }
    shown = script.removeprefix("plot_").removesuffix(".py")
    if shown in pictures.FROM_EXAMPLES:
        return pictures.options_of(shown)
    output = scratch if script == "plot_grad_cam.py" else f"{scratch}/{script}.png"
    return [*smaller.get(script, []), "--output", output]


sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "gallery",
    "filename_pattern": r"plot_",
    "reset_argv": small_settings,
    "matplotlib_animations": False,
    "show_memory": False,
    "download_all_examples": False,
    "within_subsection_order": "FileNameSortKey",
    "abort_on_example_error": True,
    "remove_config_comments": True,
}


def setup(app):
    """Draw the pictures behind the gallery, which draws some of them, and before pages are read."""
    pictures.IMAGES.mkdir(exist_ok=True)
    app.connect("builder-inited", lambda app: pictures.draw_missing(started), priority=900)
    app.connect("source-read", show_what_was_printed)


def show_what_was_printed(app, page, source):
    """Let the start page show what its snippet printed in this build."""
    if page == "index":
        source[0] = pictures.with_printed_output(source[0])
