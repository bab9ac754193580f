"""Which module may know which: arrows run one way, and the heavy libraries stay at the edge."""

import ast
import doctest
import importlib
import json
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

import homogen
from homogen.book import dependencies

PACKAGE = Path(homogen.__file__).parent
SOURCES = {
    ".".join(("homogen", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__"): path
    for path in sorted(PACKAGE.rglob("*.py"))
}
NOTEBOOKS = PACKAGE.parent / "notebooks"
RELEASED = sorted(p for p in NOTEBOOKS.glob("*.md") if "\n  files:" in p.read_text("utf-8"))
HEAVY = {"torch", "transformers", "sentence_transformers", "trl", "peft", "accelerate", "vllm", "safetensors", "gguf"}
HEAVY |= {"openai", "fastapi", "uvicorn", "bitsandbytes", "huggingface_hub"}
_PURE = {"similarity", "nli", "clustering", "uncertainty", "evaluation"}
KNOWS = {
    "records": set(),
    "similarity": {"nli", "grading"},  # grading says what is one text
    "nli": set(),
    "clustering": {"nli"},
    "uncertainty": set(),
    "evaluation": set(),
    "grading": set(),
    "cascade": {"uncertainty", "evaluation"},  # it puts scores in a row and is judged like one
    "questions": {"grading"},  # what number a reference states
    "models": {"nli"},  # a judge is checked before it is given out
    "engines": {"models"},
    "sampling": {"engines", "models", "questions"},
    "alignment": {"grading", "models", "sampling"},  # which candidates are right
    "experiment": {*_PURE, "grading", "models", "sampling"},
    "paper": {"similarity", "clustering", "uncertainty", "evaluation", "cascade", "questions"},
    "book": {"clustering", "evaluation", "models", "sampling", "questions", "paper"},
    "cli": {"book", "paper", "models", "questions", "sampling"},
}
"""Which room knows which, beside ``records``, which all may know: at import and inside functions alike."""
ARRAYS = ["similarity", "nli", "clustering", "uncertainty", "evaluation", "cascade"]
CORE = [*ARRAYS, "grading", "questions"]
LIGHT = ["numpy", "scipy", "scikit-learn", "pandas", "statsmodels"]
"""All that the rooms of arrays may need."""


def imports(source, everywhere=True):
    """Full names of what a module imports: at its top level, or also inside its functions."""
    tree = ast.parse(source.read_text(encoding="utf-8"))
    nodes = ast.walk(tree) if everywhere else outside_functions(tree)
    found = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{source}: imports are written in full"
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def outside_functions(node):
    """What runs when a module is imported; ``if`` and ``try`` at the top level count."""
    yield node
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
        for child in ast.iter_child_nodes(node):
            yield from outside_functions(child)


def own(names):
    """The package's own rooms among imported names, as ``similarity`` or ``engines``; short names count as theirs."""
    short = {name: home.split(".")[0] for name, home in homogen._NAMES.items()}
    found = {name.split(".")[1] for name in names if name.startswith("homogen.")}
    return {short.get(name, name) for name in found} & {name.split(".")[1] for name in SOURCES if "." in name}


def loaded_by(statement):
    """The top-level modules in memory after a statement in a fresh interpreter, and the seconds it took."""
    code = (
        "import json, sys, time; start = time.perf_counter()\n"
        f"{statement}\n"
        "print(json.dumps([time.perf_counter() - start, sorted({m.split('.')[0] for m in sys.modules})]))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    seconds, names = json.loads(found.stdout)
    return seconds, set(names)


def test_import_homogen_loads_nothing_heavy():
    seconds, names = loaded_by("import homogen")
    print(f"import homogen: {seconds:.3f} s")
    third_party = names - set(sys.stdlib_module_names) - loaded_by("pass")[1]
    assert third_party == {"homogen"}


def test_records_and_their_kin_load_nothing_heavy():
    code = "import homogen as hg; hg.Question, hg.SamplingSpec, hg.BadInput, hg.Estimate; hg.load_questions('pocket')"
    assert loaded_by(code)[1].isdisjoint(HEAVY | {"pandas", "sklearn", "scipy", "matplotlib"})


def test_every_module_but_an_engine_loads_without_torch():
    wanted = [name for name in SOURCES if not name.startswith("homogen.engines.") and name != "homogen.__main__"]
    assert loaded_by("import " + ", ".join(wanted))[1].isdisjoint(HEAVY)


def rooms(name):
    """A module, or all files of a package."""
    return [source for module, source in SOURCES.items() if (module + ".").startswith(f"homogen.{name}.")]


def test_every_room_has_its_place():
    assert set(KNOWS) == {name.split(".")[1] for name in SOURCES if "." in name}
    entries = {p.name for p in PACKAGE.iterdir() if p.name != "__pycache__"}
    assert entries == {"__init__.py", "py.typed"} | {n if (PACKAGE / n).is_dir() else f"{n}.py" for n in KNOWS}
    assert len(entries) <= 20


@pytest.mark.parametrize("name", KNOWS)
def test_a_room_knows_those_before_it_and_no_other(name):
    for source in rooms(name):
        assert own(imports(source)) <= KNOWS[name] | {name, "records"}, source


def test_no_two_rooms_know_each_other():
    def all_known(name, seen=()):
        assert name not in seen, (*seen, name)
        return {name}.union(*(all_known(other, (*seen, name)) for other in KNOWS[name]))

    for name in KNOWS:
        all_known(name)


@pytest.mark.parametrize("path", RELEASED, ids=lambda path: path.stem)
def test_a_chapter_on_released_files_reaches_no_engine_no_hub_no_weights(path):
    import jupytext

    code = [cell.source for cell in jupytext.read(path).cells if cell.cell_type == "code"]
    found = dependencies.reached("\n".join(code))
    assert "paper/claims.py" in found
    edge = ("models/", "engines/", "sampling/", "experiment/", "cli.py")
    assert [name for name in found if name.startswith(edge)] == []


def closure(names):
    """Installed distributions that these need, themselves included."""
    found, todo = {}, list(names)
    while todo:
        name = re.split(r"[^\w.-]", todo.pop(), maxsplit=1)[0]
        key = re.sub(r"[-_.]+", "-", name).lower()
        if key in found:
            continue
        try:
            distribution = metadata.distribution(name)
        except metadata.PackageNotFoundError:  # needed on other platforms or other Pythons only
            continue
        found[key] = distribution
        todo += [need for need in distribution.requires or [] if "extra ==" not in need.replace("'", '"')]
    return found.values()


@pytest.fixture(scope="module")
def minimal_environment(tmp_path_factory):
    """A folder with the light libraries, what they need in turn, and this package: all there is to import from."""
    folder = tmp_path_factory.mktemp("minimal")
    (folder / "homogen").symlink_to(PACKAGE)
    for distribution in closure(LIGHT):
        for top in {file.parts[0] for file in distribution.files} - {"..", "__pycache__"}:
            if not (folder / top).exists():
                (folder / top).symlink_to(distribution.locate_file(top))
    return folder


def test_the_minimal_environment_is_minimal(minimal_environment):
    names = {path.name for path in minimal_environment.iterdir()}
    assert {"numpy", "scipy", "sklearn", "pandas", "statsmodels", "homogen"} <= names
    assert names.isdisjoint(HEAVY | {"matplotlib", "seaborn", "pyarrow", "tqdm", "yaml", "hypothesis", "numba"})


@pytest.mark.parametrize("name", ARRAYS)
def test_examples_of_the_core_modules_run_with_light_libraries_alone(name, minimal_environment):
    modules = [module for module, source in SOURCES.items() if source in rooms(name)]
    code = (
        "import doctest, importlib, sys, warnings; warnings.simplefilter('error')\n"
        f"sys.path[:] = [{str(minimal_environment)!r}] + [p for p in sys.path if 'site-packages' not in p]\n"
        f"results = [doctest.testmod(importlib.import_module(m)) for m in {modules!r}]\n"
        "print(sum(r.attempted for r in results)); sys.exit(any(r.failed for r in results))"
    )
    # -S leaves out site-packages and -P the folder we are in, so that nothing else can be found.
    run = subprocess.run([sys.executable, "-S", "-P", "-c", code], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout[-2000:] + run.stderr[-2000:]
    assert int(run.stdout.split()[-1]) > 5


@pytest.mark.parametrize("name", [*CORE, "book.figures"])
def test_a_core_module_loads_alone_and_without_torch(name):
    _, names = loaded_by(f"import homogen.{name}")
    assert names.isdisjoint(HEAVY)
    if name != "book.figures":
        assert names.isdisjoint({"matplotlib", "seaborn", "pyarrow.parquet"})


def test_only_three_rooms_import_heavy_libraries_even_inside_functions():
    for name, source in SOURCES.items():
        if not name.startswith(("homogen.engines.", "homogen.models.", "homogen.alignment.")):
            assert HEAVY.isdisjoint(m.split(".")[0] for m in imports(source)), name


def test_digests_are_made_in_one_place():
    assert [name for name, source in SOURCES.items() if "hashlib" in imports(source)] == ["homogen.records.files"]


def test_models_import_heavy_libraries_inside_functions_only():
    for source in rooms("models"):
        assert HEAVY.isdisjoint(m.split(".")[0] for m in imports(source, everywhere=False)), source


def test_the_server_of_a_lesson_is_a_process_of_its_own():
    # The libraries that serve are imported there alone.
    every = {m.split(".")[0] for source in SOURCES.values() for m in imports(source)}
    assert every.isdisjoint({"fastapi", "uvicorn", "bitsandbytes"})


def test_the_public_names_are_there_and_unknown_ones_are_not():
    for name in homogen.__all__:
        assert getattr(homogen, name) is not None
    assert set(dir(homogen)) == set(homogen.__all__)
    with pytest.raises(AttributeError, match="module 'homogen' has no attribute 'sampel'"):
        homogen.sampel  # noqa: B018


def test_doctests_of_modules_without_a_test_file_of_their_own():
    for name in ("homogen.grading.phrase", "homogen.grading.text"):
        assert doctest.testmod(importlib.import_module(name)).failed == 0, name
