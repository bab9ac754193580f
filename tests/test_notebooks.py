"""The notebooks keep the rules of the house, and their prose says what the code and the paper say."""

import ast
import functools
import importlib
import inspect
import re
import shutil
import statistics
import subprocess
import sys
from pathlib import Path

import jupytext
import nbformat
import numpy as np
import pytest
import yaml

from homogen import evaluation, experiment, grading, questions
from homogen.book import assembly, chapters, pages, profiles, readings, runs, staleness
from homogen.book.parameters import validate
from homogen.grading.judging import WORDS
from homogen.models import load_embedder
from homogen.paper.claims import claims
from homogen.records import TRUNCATION_PRESETS

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.md"))
PAGES = sorted((ROOT / "book").glob("*.md"))
CHAPTERS = chapters.chapters(ROOT / "notebooks")
each = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
each_page = pytest.mark.parametrize("path", NOTEBOOKS + PAGES, ids=lambda p: p.stem)


@functools.cache
def notebook(path):
    return jupytext.read(path)


def code_of(path):
    return [c.source for c in notebook(path).cells if c.cell_type == "code"]


def prose_of(path):
    """The prose of a notebook or page, code blocks and spans left out."""
    text = path.read_text("utf-8").removeprefix("---\n")
    text = re.sub(r"^```(?:bash|json|python|\{code-cell\}.*?)\n.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    return re.sub(r"(?<!\})`[^`\n{]+`", "", text)


def flat(path):
    """The text of a file with every run of white space made one space."""
    return " ".join(path.read_text("utf-8").split())


def parameters_cells(path):
    return [c for c in notebook(path).cells if "parameters" in c.metadata.get("tags", [])]


def chapter_of(path):
    return CHAPTERS[path.stem]


def test_there_are_notebooks_and_their_names_have_no_numbers():
    assert len(NOTEBOOKS) >= 4
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", path.stem) for path in NOTEBOOKS)


@each
def test_a_notebook_has_one_parameters_cell_that_can_be_read(path):
    assert len(parameters_cells(path)) == 1
    chapter = chapter_of(path)
    assert chapter.parameters
    names = [p.name for p in chapter.parameters]
    assert len(names) == len(set(names))
    assert "|" not in "".join(p.meaning for p in chapter.parameters), "it would break the page's table"
    if chapter.files is None:  # else nobody would know that they are weights, or where they run
        wanted = "model|models|base_model|twin|pairs|embedders?|nlis?|benchmarks?|limits?|device"
        assert [p.name for p in chapter.parameters if re.fullmatch(wanted, p.name) and not p.allowed] == []
    defined = [n.target.id for n in ast.parse(parameters_cells(path)[0].source).body]
    assert defined == names, "what papermill injects is what the table shows"


@each
def test_cells_are_short(path):
    assert max(len(source.splitlines()) for source in code_of(path)) <= 20


@each
def test_half_of_the_cells_would_have_at_most_eight_lines_if_none_were_wrapped(path):
    unwrapped = [ast.unparse(ast.parse(source)) for source in code_of(path)]
    assert statistics.median(len([line for line in u.splitlines() if line]) for u in unwrapped) <= 8


@each
def test_no_output_is_stored(path):
    code = [c for c in notebook(path).cells if c.cell_type == "code"]
    assert code
    assert all(not c.outputs and c.execution_count is None for c in code)


@each
def test_a_notebook_has_the_parts_that_readers_expect(path):
    first = notebook(path).cells[0]
    assert first.cell_type == "markdown"
    assert re.match(r"# \S", first.source)
    assert "You will" in first.source
    assert "You will learn" in first.source
    headings = re.findall(r"^##+ .+$", prose_of(path), re.MULTILINE)
    assert "## Findings" in headings
    assert headings[-1] == "## What to try"
    assert len(headings) == len(set(headings))
    assert (
        len(re.findall(r"^# ", "\n".join(c.source for c in notebook(path).cells if c.cell_type != "code"), re.M)) == 1
    )


@each
def test_code_compiles_and_every_parameter_is_used(path):
    given = {p.name for p in chapter_of(path).parameters}
    used = set()
    for cell in notebook(path).cells:
        if cell.cell_type == "code" and "parameters" not in cell.metadata.get("tags", []):
            nodes = ast.walk(ast.parse(cell.source))
            used |= {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
    assert given <= used, f"parameters that change nothing: {sorted(given - used)}"


def imported(tree):
    """The names that a notebook imports from the package, as the objects that they are."""
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] == "homogen":
                    found[alias.asname or "homogen"] = importlib.import_module(alias.name)
        elif isinstance(node, ast.ImportFrom) and node.module.split(".")[0] == "homogen":
            module = __import__(node.module, fromlist=[alias.name for alias in node.names])
            for alias in node.names:
                found[alias.asname or alias.name] = getattr(module, alias.name)
    return found


def resolve(node, names):
    """The object of ``name.attribute.attribute``; None where the chain does not begin with an imported name."""
    if isinstance(node, ast.Name):
        return names.get(node.id)
    if isinstance(node, ast.Attribute):
        parent = resolve(node.value, names)
        return None if parent is None else getattr(parent, node.attr)
    return None


@each
def test_what_is_used_of_the_package_exists(path):
    tree = ast.parse("\n".join(code_of(path)))
    names = imported(tree)
    found = [resolve(n, names) for n in ast.walk(tree) if isinstance(n, ast.Attribute)]
    assert sum(o is not None for o in found) > 2
    for call in (n for n in ast.walk(tree) if isinstance(n, ast.Call)):
        target = resolve(call.func, names)
        starred = any(isinstance(a, ast.Starred) for a in call.args) or any(k.arg is None for k in call.keywords)
        if target is not None and not (isinstance(target, type) and issubclass(target, Exception)):
            signature = inspect.signature(target)
            bind = signature.bind_partial if starred else signature.bind
            given = [a for a in call.args if not isinstance(a, ast.Starred)]
            bind(*given, **{k.arg: k.value for k in call.keywords if k.arg})


@each
def test_names_of_findings_and_claims_exist(path):
    named = set(re.findall(r"\bC\d{3}\b", "\n".join(code_of(path))))
    assert named <= set(claims())
    code = "\n".join(code_of(path))
    assert re.findall(r'findings\.Chapter\("([^"]+)"\)', code) == [path.stem]
    assert re.search(r"\bchapter\.record\b", code)
    assert "chapter.beside_paper()" in code


# The parts and the whole


def toc():
    content = yaml.safe_load((ROOT / "_toc.yml").read_text("utf-8"))
    return [content["root"], *(c["file"] for part in content["parts"] for c in part["chapters"])]


def test_every_chapter_is_in_the_table_of_contents_in_order():
    listed = [f.removeprefix("book/chapters/") for f in toc() if f.startswith("book/chapters/")]
    first = [name for name in listed if not name.startswith(f"{assembly.HERE}/")]
    assert sorted(first) == [p.stem for p in NOTEBOOKS]
    assert first == list(CHAPTERS)
    assert {name.removeprefix(f"{assembly.HERE}/") for name in listed} == set(CHAPTERS)
    pages = [f.removeprefix("book/") for f in toc() if not f.startswith(("book/chapters/", "book/api/"))]
    assert sorted(pages) == sorted(p.stem for p in PAGES)


def test_the_table_of_contents_has_a_second_page_for_every_stronger_run(monkeypatch):
    monkeypatch.chdir(ROOT)
    stronger = {name for name, chapter in CHAPTERS.items() if runs.shown(chapter) not in profiles.BOOK}
    told = {name for name in chapters.listed_pages(ROOT / "notebooks") if name.startswith("here/")}
    assert told >= {f"here/{name}" for name in stronger}


@pytest.mark.parametrize("name", profiles.profiles(ROOT / "notebooks"))
def test_profiles_are_valid(name):
    found = profiles.profile(name, ROOT / "notebooks")
    assert set(found) <= set(chapters.chapters(ROOT / "notebooks"))
    assert found or name == "released"


def test_the_pocket_profile_is_there():
    assert profiles.profile("pocket", ROOT / "notebooks")["single-clusters"]["n"] == 10


def test_every_chapter_is_in_one_profile_of_the_book():
    every = profiles.profiles_of(ROOT / "notebooks")
    assert {name: len(set(own) & set(profiles.BOOK)) for name, own in every.items()} == dict.fromkeys(every, 1)


# Chapters on released files, whose outputs are committed


RELEASED = [name for name, chapter in CHAPTERS.items() if chapter.files is not None]
COMMITTED = ROOT / assembly.results_folder("released")


@pytest.fixture(params=RELEASED)
def planned(request, monkeypatch):
    """Each chapter on released files, as the book runs it, in the project's folder, where lock files are looked for."""
    monkeypatch.chdir(ROOT)
    return next(p for p in assembly.plan() if p.chapter.name == request.param)


def test_a_released_chapter_names_its_files_and_keeps_them_when_it_is_formatted(planned):
    assert planned.chapter.files is not None, "front matter 'homogen: {files: [name, …]}' is wanted"
    again = jupytext.reads(jupytext.writes(notebook(planned.chapter.path), "md:myst"), "md:myst")
    assert "homogen" in again.metadata, "'jupytext: {notebook_metadata_filter: homogen}' is wanted in the front matter"


def test_committed_outputs_are_those_of_the_code(planned):
    about = staleness.about_run(planned.output)
    assert about, f"no outputs at {planned.output}; run 'homogen book --no-build' with the data, and commit"
    assert about["key"] == staleness.execution_key(planned.chapter, planned.parameters), (
        f"{planned.output} is of earlier code; run 'homogen book --no-build' with the data, and commit"
    )
    assert about["files"].keys() == set(planned.chapter.files)
    assert not about["findings"] or (planned.findings / f"{planned.chapter.name}.json").is_file()


def test_committed_outputs_are_whole_and_as_another_run_would_write_them(planned):
    executed = nbformat.read(planned.output, as_version=4)
    code = [c for c in executed.cells if c.cell_type == "code" and c.source.strip()]
    assert all(c.execution_count is not None for c in code)
    assert not [o for c in code for o in c.outputs if o.output_type == "error"]
    assert pages.reproducible(executed) == executed
    text = planned.output.read_text("utf-8")
    assert not re.search(r" at 0x[0-9a-f]{6,}", text), "an object's address is another in every run"
    assert str(ROOT) not in text


def test_nothing_is_committed_of_chapters_that_are_not_there():
    assert {p.stem for p in COMMITTED.glob("*.ipynb") if not p.stem.endswith(".failed")} <= set(RELEASED)
    assert {p.stem for p in (COMMITTED / "findings").glob("*.json")} <= set(RELEASED)


KEPT = [
    pytest.param(profile, path.stem, id=f"{profile}-{path.stem}")
    for profile in profiles.STRENGTH[:-1]
    for path in sorted((ROOT / assembly.results_folder(profile)).glob("*.ipynb"))
    if not path.stem.endswith(".failed")
]


@pytest.mark.parametrize(("profile", "name"), KEPT)
def test_a_kept_run_on_models_is_of_a_chapter_and_has_its_findings(profile, name, monkeypatch):
    monkeypatch.chdir(ROOT)
    assert CHAPTERS[name].files is None
    assert name in profiles.profile(profile)
    run = runs.run_of(CHAPTERS[name], profile)
    assert runs.about(CHAPTERS[name], run)["profile"] == profile
    assert str(ROOT) not in run.output.read_text("utf-8")


def test_nothing_removes_or_ignores_what_is_committed():
    lines = [line for file in ("Makefile", ".ci/run") for line in (ROOT / file).read_text("utf-8").splitlines()]
    removed = [word for line in lines if "rm -" in line for word in line.split()]
    assert "book/results/pocket" in removed
    ignored = [line.strip("/") for line in (ROOT / ".gitignore").read_text("utf-8").splitlines()]
    committed = [str(assembly.results_folder(name)) for name in profiles.COMMITTED]
    for folder in ("book", "book/results", "book/results/*", "book/readings", *committed):
        assert folder not in removed
        assert folder not in ignored


def test_every_reading_holds(monkeypatch):
    monkeypatch.chdir(ROOT)
    readings.check_all(CHAPTERS)


@each_page
def test_links_to_chapters_lead_somewhere(path):
    text = path.read_text("utf-8")
    chapters_at = "" if path in NOTEBOOKS else "chapters/"
    for target in re.findall(r"\]\(([^)#\s]+\.(?:ipynb|md))(?:#[^)]*)?\)", text):
        assert target.startswith(chapters_at)
        assert ROOT / "notebooks" / target.removeprefix(chapters_at).replace(".ipynb", ".md") in NOTEBOOKS, target
    for target in re.findall(r"^:link: (\S+)$", text, re.MULTILINE):
        assert f"book/{target}" in toc()


@each_page
def test_every_citation_is_in_the_bibliography(path):
    known = set(re.findall(r"^@\w+\{([^,]+),", (ROOT / "book" / "references.bib").read_text("utf-8"), re.MULTILINE))
    cited = [k for keys in re.findall(r"\{cite(?::\w+)?\}`([^`]+)`", path.read_text("utf-8")) for k in keys.split(",")]
    assert {k.strip() for k in cited} <= known


def test_every_entry_of_the_bibliography_is_one_of_its_own():
    keys = re.findall(r"^@\w+\{([^,]+),", (ROOT / "book" / "references.bib").read_text("utf-8"), re.MULTILINE)
    assert len(keys) == len(set(keys))


@each_page
def test_every_term_is_in_the_glossary(path):
    listing = re.search(r"```\{glossary\}\n(.*?)```", (ROOT / "book" / "glossary.md").read_text("utf-8"), re.DOTALL)
    known = {line for line in listing.group(1).splitlines() if line and not line.startswith(" ")}
    used = re.findall(r"\{term\}`([^`]+)`", path.read_text("utf-8"))
    assert {(re.search(r"<(.+)>", t) or [None, t])[1].strip() for t in used} <= known


@each_page
def test_commands_in_the_text_would_be_accepted(path):
    every = chapters.chapters(ROOT / "notebooks")
    command = r"homogen run (\w[\w-]*)(?:\s+--profile (\w+))?((?:\s+-p \w+ (?:'[^']*'|[^\s`]+))*)"
    found = re.findall(command, path.read_text("utf-8"))
    assert found or path not in NOTEBOOKS
    for name, profile, options in found:
        assert not profile or name in profiles.profile(profile, ROOT / "notebooks")
        given = dict(re.findall(r"-p (\w+) ('[^']*'|[^\s`]+)", options))
        validate(every[name], {k: v.strip("'") for k, v in given.items()})


def test_the_checks_above_find_what_they_look_for():
    text = "".join(p.read_text("utf-8") for p in NOTEBOOKS + PAGES)
    for mark in ("{cite}`", "{term}`", "](chapters/", ".ipynb)", "homogen run ", ":link: "):
        assert text.count(mark) > 2, mark


def test_the_exercise_labels_of_the_book_are_unique():
    labels = [m for p in NOTEBOOKS + PAGES for m in re.findall(r"\{exercise\}\n:label: (\S+)", p.read_text("utf-8"))]
    solved = [m for p in NOTEBOOKS + PAGES for m in re.findall(r"\{solution\} (\S+)", p.read_text("utf-8"))]
    assert labels
    assert len(labels) == len(set(labels))
    assert sorted(solved) == sorted(labels)


# Numbers in the prose


def percent(value):
    return f"{float(value):.0%}"


def exactly(value):
    return value


SAID = [
    ("notebooks/single-clusters.md", "on {} of TruthfulQA's questions", "C148", "reported", percent),
    ("notebooks/single-clusters.md", "and on {} by sentence embeddings", "C149", "reported", percent),
    ("notebooks/entropy-vs-spread.md", "(AUROC {} on single-cluster questions", "C205", "reported", exactly),
]
"""Numbers of the paper that stand in the prose: file, phrase, claim, its field, how it is written."""

BY_CONSTRUCTION = {"0.500", "95%"}
"""Not measured by anyone: the AUROC of a constant, and the level of our intervals."""


@pytest.mark.parametrize(("file", "phrase", "claim", "field", "written"), SAID, ids=[f"{s[0]}-{s[2]}" for s in SAID])
def test_the_papers_numbers_in_the_prose_are_the_papers(file, phrase, claim, field, written):
    wanted = phrase.format(written(getattr(claims()[claim], field)))
    assert wanted in flat(ROOT / file), f"the text should say {wanted!r}"


@each_page
def test_no_other_number_of_the_paper_is_typed_by_hand(path):
    """A percentage or an AUROC in a paragraph that speaks of the paper must be in the table above."""
    listed = [p.format(w(getattr(claims()[c], f))) for file, p, c, f, w in SAID if ROOT / file == path]
    for paragraph in prose_of(path).split("\n\n"):
        text = " ".join(paragraph.split())
        if "paper" in text and "{exercise}" not in text:
            for phrase in listed:
                text = text.replace(phrase, "")
            typed = set(re.findall(r"\b\d+(?:\.\d+)?%|\b0\.\d{3}\b|\bAUROC \d\S*", text)) - BY_CONSTRUCTION
            assert not typed, f"{sorted(typed)} in: {text}"


def test_the_papers_settings_are_the_defaults_that_say_so():
    scr, embedding = claims()["C148"], claims()["C149"]
    for name in ("single-clusters", "decoding", "entropy-vs-spread"):
        default = {p.name: p.default for p in chapters.chapters(ROOT / "notebooks")[name].parameters}
        assert f"Jaccard {default['jaccard_threshold']:g}".replace("0.", ".") in scr.method
        assert f"tau={default['cosine_threshold']:g}".replace("0.", ".") in embedding.quantity
        assert f"N={default['n']}" in scr.quantity
        if "temperature" in default:
            assert f"T={default['temperature']}" in scr.method


def test_what_the_prose_says_of_the_paper_holds_in_its_claims():
    text = flat(ROOT / "notebooks" / "single-clusters.md")
    assert "ten answers of Qwen3-14B fall" in text
    assert all(claims()[c].model.startswith("Qwen3-14B") for c in ("C148", "C149"))
    assert "In the text it rises with the threshold, in the tables it falls." in text
    for rising in (("C161", "C162", "C163"), ("C164", "C165", "C166"), ("C174", "C175", "C173")):
        rates = [float(claims()[c].reported) for c in rising]
        assert rates == sorted(rates)
        assert rates[0] < rates[-1]
    assert [claims()[c].quantity[-3:] for c in ("C173", "C175", "C174")] == [".70", ".85", ".95"]


def test_the_truncation_presets_are_as_the_prose_says():
    text = flat(ROOT / "notebooks" / "decoding.md")
    hf, ollama = TRUNCATION_PRESETS["hf"], TRUNCATION_PRESETS["ollama"]
    assert f"keeps the {hf['top_k']} likeliest tokens" in text
    wanted = "a top-k of {top_k}, a nucleus of {top_p} and a repetition penalty of {repetition_penalty}"
    assert wanted.format(**ollama) in text


def test_the_sizes_in_the_prose_are_those_of_the_code():
    resamples = {p.name: p.default for p in CHAPTERS["entropy-vs-spread"].parameters}["resamples"]
    for path in (ROOT / "book" / "how_numbers_are_made.md", ROOT / "notebooks" / "primer.md"):
        assert f"{resamples:,}" in flat(path)
    fresh, dated = flat(ROOT / "notebooks" / "fresh-questions.md"), questions.load_questions("dated")
    assert f"`dated` asks {len(dated) // 2} things twice" in fresh
    pocket = len(questions.load_questions("pocket"))
    assert f"set has {pocket} questions" in flat(ROOT / "book" / "how_numbers_are_made.md")
    assert claims()["C205"].quantity.startswith("B1 AUROC on Jaccard-single")


def test_how_well_the_conclusion_says_that_a_rate_is_known_is_so():
    text = flat(ROOT / "book" / "conclusion.md")
    half = {n: evaluation.wilson(n // 2, n) for n in (20, 200)}
    few, many = (round(50 * (e.high - e.low)) for e in half.values())
    assert (
        f"a rate from twenty is known to within {few} points either way, one from two hundred to within {many}." in text
    )


def test_how_far_rules_and_a_judge_agree_with_a_reader_is_so(tmp_path):
    labels = grading.labelled()
    by_id = {q.id: q for q in questions.load_questions("computing")}
    asked = [by_id[question] for _, question, *_ in labels]
    embed = load_embedder("all-minilm-l6-v2", "cpu")
    graded = grading.wrong([answer for *_, answer, _ in labels], asked, embedder=embed)
    agree = [value == told for value, (*_, told) in zip(graded, labels, strict=True)]
    hard = [same for same, question in zip(agree, asked, strict=True) if question.distractors]
    page = flat(ROOT / "book" / "how_numbers_are_made.md")
    assert f"? {len(labels)} greedy answers" in page
    assert f"agree with the reader on {sum(agree)}. On the {len(hard)} about misconceptions" in page
    kept = [(answer, q, told) for (*_, answer, told), q in zip(labels, asked, strict=True) if q.distractors]
    texts, on, read = zip(*kept, strict=True)
    by = {
        method: int((grading.wrong(texts, on, method, embedder=embed) == np.array(read)).sum())
        for method in ("embedding", "words", "overlap")
    }
    assert by["embedding"] == sum(hard)
    assert f"an embedding agrees on {by['embedding']}, our count of telling words on {by['words']}" in page
    assert f"and the paper's overlap on {by['overlap']}." in page
    # What the model says of them comes with the project.
    shutil.copy(ROOT / "book/results/desk/answers/words.parquet", tmp_path)
    told = np.array([wrong for *_, wrong in labels])

    def judge(prompts):
        return experiment.word_logprobs("qwen2.5-coder-1.5b-instruct", prompts, WORDS, "cpu", str(tmp_path))

    judged = grading.wrong([answer for *_, answer, _ in labels], asked, method="judge", judge=judge)
    same, hard = judged == told, np.array([bool(question.distractors) for question in asked])
    said = f"agrees with the reader on {same.sum()} of them, and on {same[hard].sum()} of the {hard.sum()} about"
    assert said in page
    assert f"calls {judged.sum():.0f} answers wrong where the reader calls {told.sum()}" in page


def test_ruff_likes_the_notebooks(tmp_path):
    # Code in the book is wrapped to the width of its column, 79 characters.
    for path in NOTEBOOKS:
        jupytext.write(jupytext.read(path), tmp_path / f"{path.stem}.ipynb")
    ruff = [sys.executable, "-m", "ruff"]
    command = [*ruff, "check", "--ignore=D,E501,B905,B018,C408,C420,E402,E741,RUF007,SIM108", tmp_path]
    checked = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout
    command = [*ruff, "format", "--check", "--line-length=79", tmp_path]
    formatted = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert formatted.returncode == 0, formatted.stdout
