"""The command line, ``homogen models|benchmarks|sample|run|book``; a user's mistake is one line and exit code 2."""

from __future__ import annotations

import argparse
import dataclasses
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from homogen.records import PROMPTS, TRUNCATION_PRESETS, BadInput, SamplingSpec, unknown


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit code (0 well, 2 a mistake in the input, 130 interrupted, 141 reader gone)."""
    try:
        try:
            return _main(sys.argv[1:] if argv is None else argv)
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        # What is left in the buffer must go somewhere, or Python complains when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141


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

    command = commands.add_parser("run", help="run one chapter, with parameters of your own")
    command.add_argument("chapter", nargs="?", help="the chapter's name")
    command.add_argument("-p", nargs=2, action="append", default=[], metavar=("NAME", "VALUE"), help="set a parameter")
    command.add_argument("--profile", default="pocket", help="where the other parameters come from (default pocket)")
    command.add_argument("--output", default="output", help="folder for notebook and findings (default output)")
    command.add_argument("--list", action="store_true", help="list the chapters and their parameters")
    command.set_defaults(run=_run)

    command = commands.add_parser("book", help="run what has changed and build the book")
    command.add_argument("--profile", default="pocket", help="(default pocket)")
    command.add_argument("--force", action="store_true", help="run every chapter again")
    command.add_argument("--no-build", action="store_true", help="run and stage the chapters only")
    command.set_defaults(run=_book)
    return parser, tuple(commands.choices)


def _models(_: argparse.Namespace) -> None:
    from homogen import models

    for card in models.cards():
        print(f"{card.name:24} {card.stage:9} {card.size:>4} M  {card.licence:20} {card.note}")
    print("also: a folder, or a hub id such as Qwen/Qwen3-0.6B")
    print(f"NLI models, from the hub alone: {', '.join(models.NLI_MODELS)}; also: a folder, or a hub id")


def _benchmarks(_: argparse.Namespace) -> None:
    from homogen import questions

    for b in questions.benchmarks():
        print(f"{b.name:12} {b.size:>5} questions  {', '.join(b.kinds):16} {b.licence:8} {b.title}. {b.home}")
    print("also: a .jsonl file of your own (text, references; optional id, distractors, category, kind)")


def _sample(arguments: argparse.Namespace) -> None:
    import homogen as hg

    names = {f.name for f in dataclasses.fields(SamplingSpec)}
    given = {k: v for k, v in vars(arguments).items() if k in names and v is not None}
    spec = SamplingSpec.preset(arguments.preset, **given)
    questions = hg.load_questions(arguments.benchmark, limit=arguments.limit, stratified=arguments.limit is not None)
    run = hg.sample(questions, spec, store=arguments.store, device=arguments.device)
    print(f"{len(run.questions)} questions, {len(run.table)} answers in {Path(arguments.store) / run.key}")


def _run(arguments: argparse.Namespace) -> None:
    from homogen import chapters

    every = chapters.chapters()
    if arguments.list or arguments.chapter is None:
        for chapter in every.values():
            print(f"{chapter.name}: {chapter.title}")
            for p in chapter.parameters:
                print(f"    -p {p.name} {p.default!r}  ({p.type}) {p.meaning}")
        return
    if arguments.chapter not in every:
        raise unknown("chapter", arguments.chapter, every)
    chapter = every[arguments.chapter]
    given = chapters.validate(chapter, dict(arguments.p))
    parameters = chapters.profile(arguments.profile)[chapter.name] | given
    output = Path(arguments.output) / f"{chapter.path.stem}.ipynb"
    chapters.execute(chapter, parameters, output, Path(arguments.output) / "findings", arguments.profile, given=given)
    print(f"notebook: {output}\nfindings: {Path(arguments.output) / 'findings' / chapter.name}.json")


def _book(arguments: argparse.Namespace) -> None:
    from homogen import chapters

    chapters.run_book(arguments.profile, arguments.force)
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


if __name__ == "__main__":
    sys.exit(main())
