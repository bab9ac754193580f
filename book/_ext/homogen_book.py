"""Make the book readable without a network: its own MathJax, no Thebe, no script from elsewhere."""

from __future__ import annotations

import importlib.metadata
import posixpath
import re
import shutil
from pathlib import Path

STATIC = Path(__file__).parent.parent / "_static"
RESULTS = Path(__file__).parent.parent / "results"
READINGS = Path(__file__).parent.parent / "readings"
NOTEBOOKS = Path(__file__).parent.parent.parent / "notebooks"
MATHJAX = "tex-svg-full.js"
OVERVIEW = "```{overview}\n```"
RESULT_SENTENCES = "```{results}\n```"
# sphinx-thebe leaves its configuration in every page, for a script that this book does not load.
THEBE = re.compile(r'<script type="text/x-thebe-config">.*?</script>|<script>kernelName = .*?</script>', re.DOTALL)


def _mathjax() -> Path:
    files = importlib.metadata.files("sphinx-mathjax-offline") or []
    return Path(next(f for f in files if f.name == MATHJAX).locate())


def _use_local(app, config) -> None:
    config.mathjax_path = f"mathjax/{MATHJAX}"
    config.mathjax_options = {"defer": "defer"}
    # The default menu offers to load accessibility parts from a server; they are not among the local files.
    # What a cell printed may be a model's text: a dollar in it is a dollar.
    ignored = "tex2jax_ignore|mathjax_ignore|cell_output"
    options = {"enableMenu": False, "ignoreHtmlClass": ignored}
    config.mathjax3_config = {**(config.mathjax3_config or {}), "options": options}
    config.html_static_path.append(str(STATIC))


def _copy(app, error) -> None:
    if error is None and app.builder.format == "html":
        target = Path(app.outdir) / "_static" / "mathjax"
        target.mkdir(parents=True, exist_ok=True)
        shutil.copy(_mathjax(), target / MATHJAX)


def _overview(app, docname, source) -> None:
    """Put the table of all experiments, as the findings of this copy of the book have it, where a page asks for it."""
    if OVERVIEW not in source[0]:
        return
    from homogen.book import overview

    made = overview.rendered(RESULTS, NOTEBOOKS).markup
    app.env.note_dependency(overview.__file__)
    for path in (*RESULTS.glob("*/findings/*.json"), *NOTEBOOKS.glob("*.md")):
        app.env.note_dependency(str(path))
    # A blank line would end the block of HTML.
    made = '<div class="overview">' + made.replace("\n\n", "\n") + "</div>"
    source[0] = source[0].replace(OVERVIEW, "```{raw} html\n" + made + "\n```")


def _results(app, docname, source) -> None:
    """List the chapters whose run has a reading, each with its result, where a page asks for it."""
    if RESULT_SENTENCES not in source[0]:
        return
    from homogen.book import chapters, links, readings, runs

    for path in (*READINGS.glob("*/*.md"), *RESULTS.glob("*/findings/*.json"), *NOTEBOOKS.glob("*.md")):
        app.env.note_dependency(str(path))
    way = posixpath.relpath("book/chapters", posixpath.dirname(docname) or ".")
    lines = []
    for chapter in chapters.chapters(NOTEBOOKS).values():
        profile = runs.shown(chapter, results=RESULTS)
        sentence = readings.result_sentence(profile, chapter.name, READINGS, RESULTS)
        if sentence:
            # A reading's links lead from its chapter's page.
            title = f"[{chapter.title}]({way}/{chapter.name}.ipynb)"
            lines.append(f"- **{title}**: {links.relinked(sentence, f'{way}/')}")
    source[0] = source[0].replace(RESULT_SENTENCES, "\n".join(lines))


def _strip(app, pagename, templatename, context, doctree) -> None:
    for kind in ("script_files", "css_files"):
        kept = [f for f in context.get(kind, []) if "thebe" not in str(f).lower() and not _remote(f)]
        context[kind] = kept
    context["theme_launch_buttons"] = {}
    context["body"] = THEBE.sub("", context.get("body", ""))


def _remote(asset) -> bool:
    return str(getattr(asset, "filename", asset)).startswith(("http:", "https:", "//"))


def setup(app):
    app.add_css_file("homogen.css")
    app.setup_extension("homogen_api")
    app.connect("source-read", _overview)
    app.connect("source-read", _results)
    app.connect("config-inited", _use_local, priority=900)
    app.connect("html-page-context", _strip, priority=900)
    app.connect("build-finished", _copy)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
