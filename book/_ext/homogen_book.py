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
# With names of chapters in it, one a line, the block has those alone, in that order.
RESULT_SENTENCES = re.compile(r"```\{results\}\n((?:[\w-]+\n)*)```")
FIRST_SCREEN = "```{first-screen}\n```"
FIRST_CHAPTER = "see-it"
# The figure of the first screen, by the class that homogen.book.contrast gives it.
CONTRAST = re.compile(r'<figure class="homogen contrast[ "].*?</figure>', re.DOTALL)
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
    if not RESULT_SENTENCES.search(source[0]):
        return
    from sphinx.util import logging

    from homogen.book import chapters, links, readings, runs
    from homogen.records import unknown

    for path in (*READINGS.glob("*/*.md"), *RESULTS.glob("*/findings/*.json"), *NOTEBOOKS.glob("*.md")):
        app.env.note_dependency(str(path))
    way = posixpath.relpath("book/chapters", posixpath.dirname(docname) or ".")
    lines, every = {}, chapters.chapters(NOTEBOOKS)
    for chapter in every.values():
        profile = runs.shown(chapter, results=RESULTS)
        sentence = readings.result_sentence(profile, chapter.name, READINGS, RESULTS)
        if sentence:
            # A reading's links lead from its chapter's page.
            title = f"[{chapter.title}]({way}/{chapter.name}.ipynb)"
            lines[chapter.name] = f"- **{title}**: {links.relinked(sentence, f'{way}/')}"

    def listed(found: re.Match) -> str:
        names = found[1].split() or list(lines)
        if strangers := [name for name in names if name not in every]:
            raise unknown(f"chapter in the results of {docname}", strangers[0], every)
        for name in names:
            if name not in lines:
                logging.getLogger(__name__).warning("%s asks for the result of %s, which has no reading", docname, name)
        return "\n".join(lines[name] for name in names if name in lines)

    source[0] = RESULT_SENTENCES.sub(listed, source[0])


def _first_screen(app, docname, source) -> None:
    """Put the figure of the strongest run of the first chapter where a page asks for it, with what that run was."""
    if FIRST_SCREEN not in source[0]:
        return
    import nbformat

    from homogen.book import chapters, runs
    from homogen.records import BadInput

    chapter = chapters.chapters(NOTEBOOKS)[FIRST_CHAPTER]
    there = runs.runs_of(chapter, RESULTS)
    if not there:
        raise BadInput(
            f"{docname} shows a figure of the chapter {FIRST_CHAPTER}, which was not run; run 'homogen book'"
        )
    run = there[0]
    for path in (run.output, chapter.path):
        app.env.note_dependency(str(path))
    executed = nbformat.read(run.output, as_version=4)
    outputs = (output for cell in executed.cells for output in cell.get("outputs", ()))
    texts = (output.get("data", {}).get("text/html", "") for output in outputs)
    figure = next((found[0] for text in texts if (found := CONTRAST.search(text))), "")
    if not figure:
        again = f"make it again: 'homogen run --profile {run.profile} --force'"
        raise BadInput(f"{run.output} has no figure for {docname} to show; {again}")
    way = posixpath.relpath("book/chapters", posixpath.dirname(docname) or ".")
    line = runs.told(chapter, executed.metadata.get("homogen", {}))
    # A blank line, or a fence that a model wrote, would end the block of HTML.
    figure = " ".join(figure.split("\n"))
    made = f"`````{{raw}} html\n{figure}\n`````\n\n*What you see:* {line}. "
    made += f"How it was made, and how often it is so: [{chapter.title}]({way}/{FIRST_CHAPTER}.ipynb)."
    source[0] = source[0].replace(FIRST_SCREEN, made)


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
    app.connect("source-read", _first_screen)
    app.connect("config-inited", _use_local, priority=900)
    app.connect("html-page-context", _strip, priority=900)
    app.connect("build-finished", _copy)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
