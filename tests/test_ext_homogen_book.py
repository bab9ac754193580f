"""The book's settings, and the built pages: readable without a network, and for those who do not see the figures."""

import html
import importlib.util
import json
import logging
import re
import shutil
import urllib.parse
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest
import yaml
from tiny_chapters import write

from homogen.records import BadInput

ROOT = Path(__file__).resolve().parent.parent
BUILT = ROOT / "_build" / "html"
BOOK = sorted(p for p in BUILT.rglob("*.html") if not any(part[0] in "._" for part in p.relative_to(BUILT).parts))
built = pytest.mark.skipif(not (BUILT / "index.html").is_file(), reason="no book is built at _build/html")


@pytest.fixture(scope="module")
def config():
    return yaml.safe_load((ROOT / "_config.yml").read_text("utf-8"))


@pytest.fixture(scope="module")
def extension():
    """The local extension, as Sphinx loads it."""
    spec = importlib.util.spec_from_file_location("homogen_book", ROOT / "book" / "_ext" / "homogen_book.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_build_runs_no_notebook(config):
    assert config["execute"]["execute_notebooks"] == "off", "a bare off is YAML's false, which is another setting"
    assert config["sphinx"]["config"]["nb_execution_mode"] == "off"
    assert config["only_build_toc_files"] is True
    assert config["sphinx"]["recursive_update"] is True
    assert "notebooks" in config["exclude_patterns"]


def test_the_build_reaches_for_nothing_remote(config):
    assert config["sphinx"]["local_extensions"] == {"homogen_book": "book/_ext"}
    assert (ROOT / "book" / "_ext" / "homogen_book.py").is_file()
    assert config["launch_buttons"]["thebe"] is False
    assert config["sphinx"]["config"]["nb_ipywidgets_js"] == {}
    assert "sphinx.ext.intersphinx" not in config["sphinx"]["extra_extensions"]


def test_the_files_that_the_settings_name_exist(config):
    assert all((ROOT / name).is_file() for name in config["bibtex_bibfiles"])


def test_mathjax_comes_from_the_wheel(extension, tmp_path):
    found = extension._mathjax()
    assert found.is_file()
    assert found.name == extension.MATHJAX
    assert found.stat().st_size > 500_000
    app = SimpleNamespace(outdir=tmp_path, builder=SimpleNamespace(format="html"))
    extension._copy(app, None)
    assert (tmp_path / "_static" / "mathjax" / extension.MATHJAX).read_bytes() == found.read_bytes()


def test_mathjax_passes_over_what_cells_printed(extension):
    config = SimpleNamespace(html_static_path=[], mathjax3_config={"tex": {"macros": {}}})
    extension._use_local(None, config)
    assert config.mathjax3_config["tex"] == {"macros": {}}
    assert "cell_output" in config.mathjax3_config["options"]["ignoreHtmlClass"].split("|")
    # A class of this kind inside of it would switch it on again.
    assert "processHtmlClass" not in config.mathjax3_config["options"]


def test_mathjax_is_not_copied_into_a_failed_or_another_build(extension, tmp_path):
    extension._copy(SimpleNamespace(outdir=tmp_path, builder=SimpleNamespace(format="html")), RuntimeError())
    extension._copy(SimpleNamespace(outdir=tmp_path, builder=SimpleNamespace(format="latex")), None)
    assert list(tmp_path.iterdir()) == []


def test_remote_assets_and_thebe_are_stripped(extension):
    files = ["_static/a.js", "https://x.org/b.js", "//x.org/c.js", "_static/sphinx-thebe.js"]
    context = {"script_files": [SimpleNamespace(filename=f) for f in files], "css_files": list(files)}
    extension._strip(None, "page", "page.html", context, None)
    assert [f.filename for f in context["script_files"]] == ["_static/a.js"]
    assert context["css_files"] == ["_static/a.js"]


def test_the_stylesheet_is_there_and_local(extension):
    (sheet,) = Path(extension.STATIC).glob("*.css")
    text = sheet.read_text("utf-8")
    assert "figure.homogen" in text
    assert not re.search(r"https?:|@import|url\(\s*['\"]?//", text)


@pytest.fixture
def readings(extension, tmp_path, monkeypatch):
    """Four chapters: two with readings of the runs that their pages show, one with a weaker run's, one without."""
    for place, name in {"NOTEBOOKS": "notebooks", "RESULTS": "results", "READINGS": "readings"}.items():
        monkeypatch.setattr(extension, place, tmp_path / name)
    for name in ("one", "two", "three"):
        write(tmp_path / "notebooks" / f"{name}.md", title=f"The {name}")
    write(tmp_path / "notebooks" / "old.md", title="The old", files=["published/v9_summary.json"])
    (tmp_path / "_toc.yml").write_text("".join(f"- file: book/chapters/{n}\n" for n in ("two", "one", "old", "three")))
    row = {"name": "a", "value": 0.5, "low": 0.4, "high": 0.6, "n": 8, "coverage": 1.0, "method": "", "unit": ""}
    for profile, name in (("desk", "one"), ("desk", "two"), ("paper", "two"), ("pocket", "three"), ("released", "old")):
        folder = tmp_path / "results" / profile
        (folder / "findings").mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.ipynb").write_text("{}")
        (folder / "findings" / f"{name}.json").write_text(json.dumps([row | {"claim": None}]))
    for path, text in {
        "desk/one": "It was {a}\n([](two.ipynb)).\n\nAnd so on.",
        "desk/two": "Weaker.",
        "released/old": "As `printed`.",
    }.items():
        (tmp_path / "readings" / path).with_suffix(".md").parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "readings" / path).with_suffix(".md").write_text(text)
    return tmp_path


def put_results(extension, source, docname="book/intro"):
    """What the extension makes of a page, and the files that it then depends on."""
    seen, made = [], [source]
    app = SimpleNamespace(env=SimpleNamespace(note_dependency=seen.append))
    extension._results(app, docname, made)
    return made[0], {Path(path).name for path in seen}


def test_a_page_can_ask_for_the_results_of_the_chapters(extension, readings):
    page, seen = put_results(extension, "Before.\n\n```{results}\n```\n\nAfter.\n")
    assert page == (
        "Before.\n\n"
        "- **[The one](chapters/one.ipynb)**: It was 0.500 [0.400, 0.600] ([](chapters/two.ipynb)).\n"
        "- **[The old](chapters/old.ipynb)**: As `printed`.\n\nAfter.\n"
    )
    assert {"one.md", "two.md", "one.json"} <= seen
    assert "](../chapters/one.ipynb)" in put_results(extension, "```{results}\n```", "book/api/index")[0]
    assert "](book/chapters/one.ipynb)" in put_results(extension, "```{results}\n```", "index")[0]


def test_a_page_can_ask_for_the_results_of_some_chapters_in_its_own_order(extension, readings, caplog, monkeypatch):
    # Sphinx keeps its loggers' messages from others until an application is set up.
    monkeypatch.setattr("sphinx.util.logging.getLogger", logging.getLogger)
    page, _ = put_results(extension, "```{results}\nold\ntwo\none\n```\n\nAnd\n\n```{results}\nold\n```\n")
    old = "- **[The old](chapters/old.ipynb)**: As `printed`."
    assert page.split("\n")[0] == old
    assert page.split("\n")[1].startswith("- **[The one]")
    assert page.endswith(f"And\n\n{old}\n")
    with caplog.at_level("WARNING"):
        put_results(extension, "```{results}\nthree\n```")
    assert "book/intro asks for the result of three, which has no reading" in caplog.text
    with pytest.raises(BadInput, match=r"unknown chapter in the results of book/intro 'onee'; did you mean 'one'"):
        put_results(extension, "```{results}\nonee\n```")


def test_a_page_that_does_not_ask_stays_and_one_of_a_book_without_readings_lists_none(extension, readings):
    assert put_results(extension, "```{note}\n```") == ("```{note}\n```", set())
    shutil.rmtree(readings / "readings")
    assert put_results(extension, "A\n\n```{results}\n```\n")[0] == "A\n\n\n"


def test_a_reading_that_does_not_hold_ends_the_build(extension, readings):
    (readings / "readings" / "desk" / "one.md").write_text("% holds: a > 1\nMore.")
    with pytest.raises(BadInput, match=r"one\.md, line 1: 'a > 1' does not hold"):
        put_results(extension, "```{results}\n```")


# The first screen

FIGURE = '<figure class="homogen contrast tex2jax_ignore">ten <b>answers</b>\n\n`````\n</figure>'


@pytest.fixture
def first(extension, tmp_path, monkeypatch):
    """A chapter of the name that the extension looks for, run under two profiles, and what a page becomes."""
    monkeypatch.setattr(extension, "NOTEBOOKS", tmp_path / "notebooks")
    monkeypatch.setattr(extension, "RESULTS", tmp_path / "results")
    write(tmp_path / "notebooks" / f"{extension.FIRST_CHAPTER}.md", title="See it")

    def run(profile, *shown):
        outputs = [nbformat.v4.new_output("display_data", {"text/html": text}) for text in shown]
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1", outputs=outputs)])
        notebook.metadata["homogen"] = {"profile": profile, "device": "an abacus"}
        path = tmp_path / "results" / profile / f"{extension.FIRST_CHAPTER}.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(notebook, path)

    def put(source, docname="book/intro"):
        seen, made = [], [source]
        app = SimpleNamespace(env=SimpleNamespace(note_dependency=seen.append))
        extension._first_screen(app, docname, made)
        return made[0], {Path(path).name for path in seen}

    return SimpleNamespace(run=run, put=put)


def test_the_first_screen_is_the_figure_of_the_strongest_run(first):
    first.run("pocket", "<table></table>", FIGURE.replace("ten", "other"))
    first.run("desk", '<figure class="homogen slider"></figure>', f"{FIGURE}<p>more</p>", FIGURE)
    page, seen = first.put("Before.\n\n```{first-screen}\n```\n\nAfter.\n")
    assert page.startswith("Before.\n\n`````{raw} html\n<figure class=")
    assert page.count("ten <b>answers</b>  ````` </figure>\n`````\n") == 1, "nothing of it ends the block of HTML"
    assert "other" not in page
    assert "profile **desk**; an abacus" in page
    assert page.endswith("[See it](chapters/see-it.ipynb).\n\nAfter.\n")
    assert seen == {"see-it.ipynb", "see-it.md"}
    assert "](book/chapters/see-it.ipynb)" in first.put("```{first-screen}\n```", "index")[0]


def test_a_first_screen_without_its_run_ends_the_build_and_says_what_makes_it(first):
    with pytest.raises(BadInput, match=r"book/intro shows a figure of the chapter see-it.*run 'homogen book'"):
        first.put("```{first-screen}\n```")
    first.run("desk", "<figure class='homogen'></figure>")
    with pytest.raises(BadInput, match=r"desk/see-it\.ipynb has no figure.*'homogen run --profile desk --force'"):
        first.put("```{first-screen}\n```")


def test_a_page_without_a_first_screen_needs_no_run(first):
    assert first.put("```{note}\n```") == ("```{note}\n```", set())


def test_the_front_page_asks_for_the_first_screen_behind_its_opening(extension):
    title, opening, block = (ROOT / "book" / "intro.md").read_text("utf-8").split("\n\n")[:3]
    assert title.startswith("# ")
    assert opening.startswith("**")
    assert block == extension.FIRST_SCREEN
    assert (ROOT / "notebooks" / f"{extension.FIRST_CHAPTER}.md").is_file()


# The built book

LOADED = {
    "script": "src",
    "img": "src",
    "iframe": "src",
    "source": "src",
    "video": "src",
    "audio": "src",
    "embed": "src",
}


class Page(HTMLParser):
    """What a page loads, where it links to, and what its images say."""

    def __init__(self, text):
        super().__init__()
        self.loads, self.links, self.ids, self.unnamed, self.styles = [], [], [], [], []
        self.figures, self.inside = 0, []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.inside.append(tag)
        if tag in LOADED and given.get(LOADED[tag]):
            self.loads.append(given[LOADED[tag]])
        if tag == "link" and given.get("href"):
            kinds = (given.get("rel") or "").split()
            shown = {"stylesheet", "icon", "preload", "modulepreload", "prefetch", "preconnect", "dns-prefetch"}
            (self.loads if shown & set(kinds) else self.links).append(given["href"])
        if tag == "a" and given.get("href"):
            self.links.append(given["href"])
        if tag == "img" and not (given.get("alt") or "").strip():
            self.unnamed.append(given.get("src", tag))
        if tag == "figure" and "homogen" in (given.get("class") or "").split():
            self.figures += 1
        named = given.get("role") == "img" and (given.get("aria-label") or "").strip()
        if tag == "svg" and "figure" in self.inside and not named:
            self.unnamed.append("svg")
        if given.get("id"):
            self.ids.append(given["id"])
        self.styles.append(given.get("style") or "")

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag):
        if tag in self.inside:
            while self.inside.pop() != tag:
                pass

    def handle_data(self, data):
        if self.inside[-1:] == ["style"]:
            self.styles.append(data)


def remote(address):
    return bool(re.match(r"(?:https?:)?//", address.strip()))


def pages():
    return [pytest.param(path, id=str(path.relative_to(BUILT))) for path in BOOK]


@pytest.fixture(scope="module")
def parsed():
    """Each page of the book, parsed when it is first asked for."""
    made = {}

    def parse(path):
        if path not in made:
            made[path] = Page(path.read_text("utf-8"))
        return made[path]

    return parse


@built
def test_every_page_of_the_table_of_contents_is_built():
    content = yaml.safe_load((ROOT / "_toc.yml").read_text("utf-8"))
    listed = [content["root"], *(c["file"] for part in content["parts"] for c in part["chapters"])]
    assert all((BUILT / f"{name}.html").is_file() for name in listed)


@built
@pytest.mark.parametrize("path", pages())
def test_a_page_loads_nothing_from_elsewhere(path, parsed):
    page = parsed(path)
    assert page.loads or path.name == "index.html"
    assert [address for address in page.loads if remote(address)] == []
    assert [s for s in page.styles if re.search(r"url\(\s*['\"]?(?:https?:)?//|@import", s)] == []
    assert not re.search(r"init[-_]?thebe|unpkg", path.read_text("utf-8"), re.IGNORECASE)


@built
def test_no_page_speaks_of_thebe():
    assert [p.name for p in BOOK if "thebe" in p.read_text("utf-8").lower()] == []


@built
def test_stylesheets_load_nothing_from_elsewhere():
    sheets = sorted(BUILT.rglob("*.css"))
    assert sheets
    found = re.compile(r"url\(\s*['\"]?((?:https?:)?//[^)]*)|@import\s+[^;]*//")
    assert [p.name for p in sheets if found.search(p.read_text("utf-8", "replace"))] == []


@built
@pytest.mark.parametrize("path", pages())
def test_every_local_address_leads_somewhere(path, parsed):
    broken = []
    for address in parsed(path).loads + parsed(path).links:
        parts = urllib.parse.urlsplit(address)
        if parts.scheme or parts.netloc:
            continue
        target = path if not parts.path else path.parent / urllib.parse.unquote(parts.path)
        target = target / "index.html" if target.is_dir() else target
        if not target.is_file():
            broken.append(address)
        elif parts.fragment and target.suffix == ".html":
            wanted = urllib.parse.unquote(parts.fragment)
            if wanted not in parsed(target).ids and wanted not in ("", "top"):
                broken.append(address)
    assert broken == []


@built
@pytest.mark.parametrize("path", pages())
def test_every_image_has_words_and_ids_are_unique_in_figures(path, parsed):
    page = parsed(path)
    assert page.unnamed == []
    text = path.read_text("utf-8")
    ids = [
        i
        for f in re.findall(r'<figure class="homogen.*?</figure>', text, re.DOTALL)
        for i in re.findall(r' id="([^"]+)"', f)
    ]
    assert len(ids) == len(set(ids))


@built
def test_the_chapters_have_their_figures(parsed):
    counts = {path.stem: parsed(path).figures for path in BOOK if path.parent.name in ("chapters", "here")}
    assert counts
    assert all(counts.values())


@built
@pytest.mark.parametrize("path", pages())
def test_no_page_shows_where_it_was_made(path):
    assert str(ROOT) not in path.read_text("utf-8")
    assert str(Path.home()) + "/" not in path.read_text("utf-8")


# --- what a reader sees of numbers ----------------------------------------------------------------------------------

UNREADABLE = re.compile(
    r"(?<![\d.])[-−]0\.0+(?!\d)|(?<![\w-])[nN]a[nN](?![\w-])|\bNone\b|\d\.\d{12,}|\{'|\{\"|\binf\b"
    r"|\bclaim_id\b|\bcalls_saved\b|\bshare_of_parallel_cost\b"
)
"""A minus before what rounds to 0, what is undefined without its reason, digits of the machine, names of the code."""

DRAWN = re.compile(r"<path[^>]*>|<style.*?</style>|<script.*?</script>|<use[^>]*>|<clipPath.*?</clipPath>", re.DOTALL)
PAGES = sorted((ROOT / "book" / "results").glob("*/*.ipynb"))


def shown(page):
    """What the cells of an executed chapter show: text, tables, captions, alternative texts of figures."""
    for cell in json.loads(page.read_text("utf-8"))["cells"]:
        for output in cell.get("outputs", []):
            texts = [output.get("text", "")]
            texts += [value for kind, value in output.get("data", {}).items() if kind in ("text/html", "text/plain")]
            for text in texts:
                yield html.unescape(DRAWN.sub(" ", text if isinstance(text, str) else "".join(text)))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: f"{page.parent.name}-{page.stem}")
def test_no_page_shows_numbers_as_only_code_would(page):
    found = [text[max(0, m.start() - 40) : m.end() + 20] for text in shown(page) for m in UNREADABLE.finditer(text)]
    assert found == []


CODE = re.compile(r"<pre.*?</pre>|<code.*?</code>", re.DOTALL)


@built
@pytest.mark.parametrize("path", [p for p in pages() if "api" not in p.values[0].parts])
def test_no_table_caption_or_alternative_text_of_a_built_page_does(path):
    """What cells printed is looked at above; prose may say "none of these", and formulas have braces."""
    page = CODE.sub(" ", DRAWN.sub(" ", path.read_text("utf-8")))
    told = re.findall(r"<table.*?</table>|<figcaption.*?</figcaption>|(?:aria-label|alt)=\"[^\"]*\"", page, re.DOTALL)
    text = html.unescape(" ".join(told)) if path.name != "genindex.html" else ""
    assert [text[max(0, m.start() - 40) : m.end() + 20] for m in UNREADABLE.finditer(text)] == []


@pytest.mark.parametrize(
    "text",
    [
        "r = -0.000",
        "(nan, 1)",
        "value: None",
        "0.4203553912284777",
        "{'a': 1}",
        '{"a": 1}',
        "[0, inf]",
        "claim_id",
        "NaN",
        "+1 [-0.00, 1]",
    ],
)
def test_what_only_code_would_show_is_seen(text):
    assert UNREADABLE.search(text)


@pytest.mark.parametrize("text", ["-0.001", "0.000", "10-0.5", "banana", "nano", "Nonetheless", "0.123456"])
def test_what_a_reader_can_read_is_left_alone(text):
    assert not UNREADABLE.search(text)
