"""Carry a recipe out with trl and peft: resumable after a kill, its models kept at stated doses.

While a training runs, its folder holds trl's own checkpoints, from which it goes on. When it is done they are removed,
and what is left is the account, the log, and a small adapter a dose. A longer training of the same recipe begins anew
and makes the same models on its way; a dose that is there is never touched again.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
import math
import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import filelock
from tqdm import tqdm

from homogen.alignment.recipe import Recipe
from homogen.models import trained
from homogen.models.catalogue import Unavailable
from homogen.models.devices import describe_device, pick_device
from homogen.models.load import LoadedModel, load_model
from homogen.models.weights import quietly
from homogen.records import BadInput
from homogen.records.files import put

LOG = "log.json"
_WARM_UP = 5
_PARTS = "adapter_config.json", trained.WEIGHTS
_LOGGED = ("step", "loss", "grad_norm", "rewards/margins", "rewards/accuracies")
_PACKAGES = ("torch", "transformers", "trl", "peft")


class _Diverged(Exception):
    """The loss or its gradient is no number any more."""


def train(recipe: Recipe, device: str = "auto", progress: bool = True, callbacks: Sequence[Any] = ()) -> list[str]:
    """Carry out a training, or what is left of it; where all of its models are there nothing is done.

    In float32 everywhere.

    Parameters
    ----------
    recipe
        What to train.
    device
        ``"auto"``, ``"cpu"`` or ``"cuda"``.
    progress
        Show a bar with an estimate of the time left.
    callbacks
        Of transformers' trainer, to watch a training; each is asked before the model is kept.

    Returns
    -------
    list of str
        The names of the models, a dose each (:attr:`Recipe.models`).

    Raises
    ------
    BadInput
        If the base cannot be loaded or has no token that ends an answer; if a prompt leaves no room for its answer; if
        memory or the disk is full, another process carries out the same training, or the loss is no number any more.
        Doses that were reached before are kept.
    Unavailable
        If the base's weights cannot be had, or trl and peft are not installed.
    """
    home = trained.home_of(recipe.key)
    with _held(home):
        _write_account(home, recipe)
        if _missing(home, recipe) is not None:
            _run(recipe, home, pick_device(device), progress, callbacks)
    return recipe.models


def losses(recipe: Recipe) -> list[dict[str, float]]:
    """Give the log, a step each; empty before the training is done.

    Returns
    -------
    list of dict
        ``step``, ``loss``, ``grad_norm``, and of pairs ``rewards/margins`` and ``rewards/accuracies``.
    """
    try:
        return list(json.loads((trained.home_of(recipe.key) / LOG).read_text("utf-8"))["log"])
    except (OSError, ValueError, LookupError, TypeError):
        return []


def _missing(home: Path, recipe: Recipe) -> int | None:
    """The first dose that is not there; where only the log is missing, the last; None if the training is done."""
    for dose in recipe.doses:
        if not (home / str(dose) / trained.WEIGHTS).is_file():
            return dose
    return None if len(losses(recipe)) >= recipe.doses[-1] else recipe.doses[-1]


@contextlib.contextmanager
def _held(home: Path) -> Iterator[None]:
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(f"cannot make {home}: {error.strerror or error}; set HOMOGEN_CACHE to another folder") from error
    lock = filelock.FileLock(home / "lock")
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        raise BadInput(f"another process carries out the training {home.name}; wait for it") from None
    try:
        yield
    finally:
        lock.release()


def _write_account(home: Path, recipe: Recipe) -> None:
    """Say what the folder is of; a folder of something else, by whatever accident, is not gone on with."""
    path, told = home / trained.ABOUT, json.loads(json.dumps(recipe.told()))
    if path.is_file():
        try:
            found = json.loads(path.read_text("utf-8"))
            other = next((name for name in told if name != "base" and found.get(name) != told[name]), None)
        except (OSError, ValueError, AttributeError) as error:
            raise BadInput(f"{path} cannot be read ({error}); delete its folder and train again") from error
        if other is not None:
            raise BadInput(f"{home} holds a training with another {other}; delete the folder and train again")
    with _disk(home):  # the base may lie elsewhere by now
        put(path, json.dumps(told, indent=1))


@contextlib.contextmanager
def _disk(home: Path) -> Iterator[None]:
    """Turn what the disk refuses into the user's one line; torch has an error of another kind for it."""
    from safetensors import SafetensorError

    try:
        yield
    except (OSError, SafetensorError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and "PytorchStreamWriter" not in str(error):
            raise
        raise BadInput(
            f"cannot keep the training in {home}: {getattr(error, 'strerror', None) or error}; make room there, or set "
            "HOMOGEN_CACHE to another folder; doses that were reached are kept"
        ) from error


def _run(recipe: Recipe, home: Path, device: str, progress: bool, callbacks: Sequence[Any]) -> None:
    base = load_model(recipe.base, device, "float32")
    if base.tokenizer.eos_token is None:
        raise BadInput(f"{recipe.base} has no token that ends an answer, and cannot be taught when to stop")
    work, what = home / "checkpoints", f"{recipe.objective} {base.name}"
    for left in home.glob(".*-*"):  # of a run that was killed while it kept a dose
        shutil.rmtree(left, ignore_errors=True)
    with _silence(), tqdm(total=recipe.doses[-1], desc=what, unit="step", disable=not progress) as bar:
        trainer = _trainer(recipe, base, work, [*callbacks, _watch(recipe, home, bar)])
        try:
            with _disk(home), _answers_alone():
                trainer.train(resume_from_checkpoint=_last(work, _missing(home, recipe)))
        except _Diverged as error:
            kept = [dose for dose in recipe.doses if (home / str(dose) / trained.WEIGHTS).is_file()]
            what = f"the model after {kept[-1]} steps is kept" if kept else "nothing is kept"
            raise BadInput(f"training {recipe.base}: {error}; {what}; try a lower learning rate") from None
        except RuntimeError as error:
            if type(error).__name__ != "OutOfMemoryError":
                raise
            raise BadInput(
                f"training {recipe.base} does not fit into the card's memory; take a smaller batch"
            ) from None
    log = [{name: row[name] for name in _LOGGED if name in row} for row in trainer.state.log_history if "loss" in row]
    versions = {name: importlib.metadata.version(name) for name in _PACKAGES}
    with _disk(home):
        if len(log) > len(losses(recipe)):
            put(home / LOG, json.dumps({"device": describe_device(device), "versions": versions, "log": log}))
    if (dose := _missing(home, recipe)) is not None:
        raise BadInput(
            f"the training in {home} ended without its model after {dose} steps; delete the folder and retry"
        )
    shutil.rmtree(work, ignore_errors=True)


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Keep the libraries' own bars, logs and advice to themselves while they work."""
    try:
        import datasets
        import trl  # noqa: F401
    except ImportError as error:
        raise Unavailable(f"training wants trl and peft ({error}); install them: pip install -e '.[train]'") from error
    bars, before = not datasets.are_progress_bars_disabled(), os.environ.get("TQDM_DISABLE")
    datasets.disable_progress_bars()
    os.environ["TQDM_DISABLE"] = "1"  # trl's bars ask for it each time; ours is made already
    try:
        with quietly(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        os.environ.pop("TQDM_DISABLE")
        if before is not None:
            os.environ["TQDM_DISABLE"] = before
        if bars:
            datasets.enable_progress_bars()


@contextlib.contextmanager
def _answers_alone() -> Iterator[None]:
    """Have trl ask the head about the answers' tokens alone on a CPU too, as it does on a card.

    Elsewhere it asks about each token of the prompts and masks the numbers away. The head is most of a small model
    with a large vocabulary, so that a step takes half the time; the loss is the same.
    """
    from trl.trainer import utils

    before = getattr(utils, "_use_triton", None)
    if before is not None:
        utils._use_triton = lambda device: True
    try:
        yield
    finally:
        if before is not None:
            utils._use_triton = before


def _last(work: Path, dose: int | None) -> str | None:
    """The newest whole checkpoint before a dose; what a kill left of one is removed."""
    for path in sorted(work.glob("checkpoint-*"), key=lambda p: -int(p.name.rpartition("-")[2])):
        if not (path / "trainer_state.json").is_file():  # written last
            shutil.rmtree(path, ignore_errors=True)
        elif dose is None or int(path.name.rpartition("-")[2]) < dose:
            return str(path)
    return None


def _trainer(recipe: Recipe, base: LoadedModel, work: Path, callbacks: Sequence[Any]) -> Any:
    import datasets
    import trl
    from peft import LoraConfig
    from transformers import PrinterCallback

    settings: dict[str, Any] = {
        "output_dir": str(work),
        "max_steps": recipe.doses[-1],
        "per_device_train_batch_size": recipe.batch,
        "dataloader_drop_last": len(recipe.rows) % recipe.batch > 0,  # so that a step is of as many rows always
        "learning_rate": recipe.learning_rate,
        "lr_scheduler_type": "constant_with_warmup",  # so that an early dose is one of a shorter training
        "warmup_steps": _WARM_UP,
        "max_length": recipe.max_length,
        "seed": recipe.seed,
        "data_seed": recipe.seed,
        "logging_steps": 1,
        "logging_nan_inf_filter": False,
        "save_strategy": "no",  # at the doses alone
        "use_cpu": base.device == "cpu",
        "bf16": False,  # trl has it on by default
        "gradient_checkpointing": False,
        "report_to": "none",
        "disable_tqdm": True,
    }
    adapter = LoraConfig(
        r=recipe.rank, lora_alpha=2 * recipe.rank, lora_dropout=0.0, target_modules="all-linear", task_type="CAUSAL_LM"
    )
    common = {"processing_class": base.tokenizer, "callbacks": list(callbacks), "peft_config": adapter}
    space = "" if base.chat else " "  # after a plain prompt a word begins with its space
    ends = base.tokenizer.eos_token
    asked = [_asked(base, base.wrap(row.prompt)) for row in recipe.rows]
    if recipe.objective == "sft":
        rows = [
            {"prompt": prompt, "completion": f"{space}{row.answer}{ends}"}
            for prompt, row in zip(asked, recipe.rows, strict=True)
        ]
        args = trl.SFTConfig(**settings, completion_only_loss=True)
        made = trl.SFTTrainer(base.network, args=args, train_dataset=datasets.Dataset.from_list(rows), **common)
    else:
        rows = [
            {
                "prompt": prompt,
                "chosen": f"{space}{row.chosen}{ends}",
                "rejected": f"{space}{row.rejected}{ends}",
            }
            for prompt, row in zip(asked, recipe.rows, strict=True)
        ]
        # With alpha on the policy's own term, beta (alpha policy - base) is alpha beta (policy - base / alpha).
        args = trl.DPOConfig(
            **settings, beta=recipe.alpha * recipe.beta, loss_type=["sigmoid"], precompute_ref_log_probs=True
        )

        class Trainer(trl.DPOTrainer):
            def compute_ref_log_probs(self, model: Any, inputs: Any) -> Any:
                return tuple(logps / recipe.alpha for logps in super().compute_ref_log_probs(model, inputs))

        made = Trainer(base.network, args=args, train_dataset=datasets.Dataset.from_list(rows), **common)
    if len(made.train_dataset) < len(rows):
        raise BadInput(
            f"{len(rows) - len(made.train_dataset)} of {len(rows)} prompts leave no room for an answer within "
            f"max_length={recipe.max_length} tokens; take more"
        )
    made.remove_callback(PrinterCallback)
    return made


def _asked(base: LoadedModel, prompt: str) -> str:
    """A prompt such that the trainer, which adds the tokenizer's marks, reads what the engines read of it."""
    wanted = base.tokenizer(prompt, add_special_tokens=not base.chat)["input_ids"]
    first = base.tokenizer.bos_token or ""
    for text in (prompt, prompt.removeprefix(first)):
        if base.tokenizer(text)["input_ids"] == wanted:
            return text
    raise BadInput(f"the tokenizer of {base.name} puts marks around a prompt that its chat template does not have")


def _watch(recipe: Recipe, home: Path, bar: tqdm) -> Any:
    from transformers import TrainerCallback

    class Watch(TrainerCallback):
        """Keeps the model at each dose, moves the bar, and stops where the loss is no number."""

        def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            bar.update(state.global_step - bar.n)

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            bar.update(state.global_step - bar.n)
            control.should_save = state.global_step in recipe.doses

        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
            # A step's loss is of the weights before it and its gradient of the update: the model is kept after both.
            for name in ("loss", "grad_norm"):
                value = (logs or {}).get(name, 0.0)
                if not math.isfinite(value):
                    raise _Diverged(f"the {name.replace('_norm', 'ient')} is {value} at step {state.global_step}")

        def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            _keep(Path(args.output_dir) / f"checkpoint-{state.global_step}", home / str(state.global_step))

    return Watch()


def _keep(checkpoint: Path, dose: Path) -> None:
    """Put a checkpoint's adapter in place, whole or not at all; one that is there stays."""
    if (dose / trained.WEIGHTS).is_file():
        return
    with tempfile.TemporaryDirectory(dir=dose.parent, prefix=f".{dose.name}-") as folder:
        made = Path(folder) / "made"
        made.mkdir()
        for name in _PARTS:
            shutil.copyfile(checkpoint / name, made / name)
        shutil.rmtree(dose, ignore_errors=True)
        os.replace(made, dose)
