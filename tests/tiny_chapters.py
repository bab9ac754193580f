"""What the tests of chapters share: chapters small enough to be written, run and read in a moment."""

import hashlib
import json

from homogen.book import chapters, running
from homogen.questions import sources

HEAD = """---
jupytext:
  text_representation:
    extension: .md
    format_name: myst
kernelspec:
  name: python3
  display_name: Python 3
  language: python
---

# {title}

Some prose.

```{{code-cell}} ipython3
:tags: [parameters]

{parameters}
```
"""
PARAMETERS = """# what is asked
n: int = 3  # how many [at least 1]
rate: float = 0.5  # a share
name: str = "a # b"  # a hash inside a text
deep: bool = False  # look closer
sizes: list = [1, 2.5]  # of the samples
"""
GOOD = """import sys
from homogen import Estimate
from homogen.book import findings
print(f"n={n} rate={rate} sizes={sizes}")
print("50%|#####     |", file=sys.stderr)
_ = findings.Chapter("tiny").record("the count", Estimate(float(n), 0.0, 9.0, n=1, method="given"))"""


def write(path, *cells, title="Tiny", parameters=PARAMETERS, files=None, draws=None):
    """Write a chapter of some code cells, with a word of prose after each; give it as the package reads it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    code = "".join(f"\n```{{code-cell}} ipython3\n{source}\n```\n\nAnd so on.\n" for source in cells)
    text = HEAD.format(title=title, parameters=parameters) + code
    own = {name: value for name, value in {"files": files, "draws": draws}.items() if value is not None}
    if own:
        # Without the filter a formatter would drop what jupytext does not know.
        front = f"homogen: {json.dumps(own)}\njupytext:\n  notebook_metadata_filter: homogen"
        text = text.replace("jupytext:", front, 1)
    path.write_text(text, "utf-8")
    return chapters.chapters(path.parent)[path.stem]


def one_line(mistake):
    """The message of a mistake, which must be one line."""
    text = str(mistake.value)
    assert text
    assert "\n" not in text
    return text


DRAWS = """model: str = "smollm2-135m-instruct"  # who answers [model]
base_model: str = ""  # beside it [model?]
benchmark: str = "pocket"  # what is asked [benchmark]
limit: int = 5  # questions [at least 1]
base_limit: int = 5  # questions [at least 1]
n: int = 3  # answers
temperature: float = 1.0  # of the draws
top_p: float = 1.0  # nucleus
prompt: str = "concise"  # the words around
embedder: str = "wordllama"  # one [embedder]
embedders: list = ["wordllama"]  # some [embedder?]
device: str = "cpu"  # where [auto | cpu | cuda]
store: str = "runs"  # what is drawn
"""


def left(folder):
    """The files in a folder, sorted."""
    return sorted(p.name for p in folder.iterdir()) if folder.is_dir() else []


def text_of(notebook):
    """All that a notebook's cells printed."""
    return "".join(o.text for c in notebook.cells for o in c.get("outputs", ()) if o.output_type == "stream")


def outputs_of(page):
    """All outputs of a notebook's cells."""
    return [o for c in page.cells for o in c.get("outputs", ())]


def edit(path, old, new):
    """Change the first occurrence of a text in a file."""
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")


def put_profile(folder, text, name="mine"):
    """Write a profile of a folder of chapters."""
    (folder / "profiles").mkdir(exist_ok=True)
    (folder / "profiles" / f"{name}.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())


def put_file(monkeypatch, folder, name="published/tiny.csv", text="a,b\n1,2\n"):
    """Pin a file among the public ones and put it where it is found; give its path."""
    sha256 = hashlib.sha256(text.encode()).hexdigest()
    monkeypatch.setitem(
        sources.SOURCES, name, sources.Source(name, "https://x.org", sha256, "MIT", "x", "https://x.org")
    )
    monkeypatch.setenv("HOMOGEN_DATA", str(folder))
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text, "utf-8")
    return folder / name


def run_tiny(home):
    """Run a small chapter well; give the chapter, the executed notebook and where it lies."""
    chapter = write(home / "nb" / "tiny.md", GOOD, "n * 2")
    output = home / "out" / "tiny.ipynb"
    parameters = {"n": "7", "sizes": [1]}
    executed = running.execute(chapter, parameters, output, home / "findings", "mine", live=False, given=["sizes"])
    return chapter, executed, home
