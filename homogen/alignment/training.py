"""Carry a recipe out with trl and peft: resumable after a kill, its models kept at stated doses.

While a training runs its folder holds trl's own checkpoints, from which it goes on. When it is done they are removed,
and what is left is the account, the losses, and a small adapter a dose.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import filelock
from tqdm import tqdm

from homogen.alignment.recipe import Recipe
from homogen.models import trained
from homogen.models.catalogue import Unavailable
from homogen.models.devices import pick_device
from homogen.models.load import LoadedModel, load_model
from homogen.models.weights import quietly
from homogen.records import BadInput
from homogen.records.files import put

LOSSES = "losses.json"
_WARM_UP = 5
_PARTS = "adapter_config.json", trained.WEIGHTS


class _Diverged(Exception):
    """The loss is no number any more."""


def train(recipe: Recipe, device: str = "auto", progress: bool = True) -> list[str]:
    """Carry out a training, or what is left of it; of one that is done nothing is done again.

    In float32 on a CPU, and on a GPU in the precision in which the base is loaded there.

    Parameters
    ----------
    recipe
        What to train.
    device
        ``"auto"``, ``"cpu"`` or ``"cuda"``.
    progress
        Show a bar with an estimate of the time left.

    Returns
    -------
    list of str
        The names of the models, a dose each (:attr:`Recipe.models`).

    Raises
    ------
    BadInput
        If the base cannot be loaded, the disk is full, another process carries out the same training, or the loss is
        no number any more; doses that were reached before are kept.
    Unavailable
        If trl and peft are not installed.
    """
    home = trained.home_of(recipe.key)
    with _held(home):
        _write_account(home, recipe)
        if not all((home / str(dose) / trained.WEIGHTS).is_file() for dose in recipe.doses):
            try:
                _run(recipe, home, pick_device(device), progress)
            except OSError as error:
                raise BadInput(
                    f"cannot keep the training in {home}: {error.strerror or error}; make room there, or set "
                    "HOMOGEN_CACHE to another folder; doses that were reached are kept"
                ) from error
    return recipe.models


def losses(recipe: Recipe) -> list[dict[str, float]]:
    """Give the log, a step each: ``step``, ``loss``, and of pairs ``rewards/margins``; empty before it is done."""
    try:
        return list(json.loads((trained.home_of(recipe.key) / LOSSES).read_text("utf-8")))
    except OSError:
        return []


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
        except (OSError, ValueError) as error:
            raise BadInput(f"{path} cannot be read ({error}); delete its folder and train again") from error
        if found != told:
            other = next((name for name in told if found.get(name) != told[name]), "settings")
            raise BadInput(f"{home} holds a training with another {other}; delete the folder and train again")
        return
    try:
        put(path, json.dumps(told, indent=1))
    except OSError as error:
        raise BadInput(f"cannot write {path}: {error.strerror or error}") from error


def _run(recipe: Recipe, home: Path, device: str, progress: bool) -> None:
    from transformers import PrinterCallback

    base = load_model(recipe.base, device, "float32" if device == "cpu" else "auto")
    work = home / "checkpoints"
    with quietly(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the libraries about themselves
        what = f"{recipe.objective} {base.name}"
        with tqdm(total=recipe.doses[-1], desc=what, unit="step", disable=not progress or None) as bar:
            trainer = _trainer(recipe, base, home, work, bar)
            trainer.remove_callback(PrinterCallback)
            try:
                trainer.train(resume_from_checkpoint=_last(work))
            except _Diverged as error:
                kept = [dose for dose in recipe.doses if (home / str(dose) / trained.WEIGHTS).is_file()]
                what = f"the model after {kept[-1]} steps is kept" if kept else "nothing is kept"
                raise BadInput(f"training {recipe.base}: {error}; {what}; try a lower learning rate") from None
    log = [row for row in trainer.state.log_history if "loss" in row]
    names = ("step", "loss", "rewards/margins", "rewards/accuracies")
    put(home / LOSSES, json.dumps([{name: row[name] for name in names if name in row} for row in log]))
    shutil.rmtree(work, ignore_errors=True)


def _last(work: Path) -> str | None:
    """The newest checkpoint that is whole; what a kill left of another is removed."""
    for path in sorted(work.glob("checkpoint-*"), key=lambda p: -int(p.name.rpartition("-")[2])):
        if (path / "trainer_state.json").is_file():  # written last
            return str(path)
        shutil.rmtree(path, ignore_errors=True)
    return None


def _trainer(recipe: Recipe, base: LoadedModel, home: Path, work: Path, bar: tqdm) -> Any:
    try:
        import datasets
        import trl
        from peft import LoraConfig
    except ImportError as error:
        raise Unavailable(f"training wants trl and peft ({error}); install them: pip install -e '.[train]'") from error
    datasets.disable_progress_bars()
    on_cpu = base.device == "cpu"
    settings: dict[str, Any] = {
        "output_dir": str(work),
        "max_steps": recipe.doses[-1],
        "per_device_train_batch_size": recipe.batch,
        "learning_rate": recipe.learning_rate,
        "lr_scheduler_type": "constant_with_warmup",  # so that an early dose is one of a shorter training
        "warmup_steps": _WARM_UP,
        "max_length": recipe.max_length,
        "seed": recipe.seed,
        "data_seed": recipe.seed,
        "logging_steps": 1,
        "logging_nan_inf_filter": False,
        "save_strategy": "no",  # at the doses alone
        "use_cpu": on_cpu,
        "bf16": not on_cpu,  # trl has it on by default, on a CPU too
        "gradient_checkpointing": False,
        "report_to": "none",
        "disable_tqdm": True,
    }
    adapter = LoraConfig(
        r=recipe.rank, lora_alpha=2 * recipe.rank, lora_dropout=0.0, target_modules="all-linear", task_type="CAUSAL_LM"
    )
    space = "" if base.chat else " "  # after a plain prompt a word begins with its space
    ends = base.tokenizer.eos_token
    common = {"processing_class": base.tokenizer, "callbacks": [_watch(recipe, home, bar)], "peft_config": adapter}
    if recipe.objective == "sft":
        rows = [{"prompt": row.prompt, "completion": f"{space}{row.answer}{ends}"} for row in recipe.rows]
        args = trl.SFTConfig(**settings, completion_only_loss=True)
        return trl.SFTTrainer(base.network, args=args, train_dataset=datasets.Dataset.from_list(rows), **common)
    rows = [
        {"prompt": row.prompt, "chosen": f"{space}{row.chosen}{ends}", "rejected": f"{space}{row.rejected}{ends}"}
        for row in recipe.rows
    ]
    # With alpha on the policy's own term, beta * (alpha * policy - base) is alpha * beta * (policy - base / alpha).
    args = trl.DPOConfig(
        **settings, beta=recipe.alpha * recipe.beta, loss_type=["sigmoid"], precompute_ref_log_probs=True
    )

    class Trainer(trl.DPOTrainer):
        def compute_ref_log_probs(self, model: Any, inputs: Any) -> Any:
            return tuple(logps / recipe.alpha for logps in super().compute_ref_log_probs(model, inputs))

    return Trainer(base.network, args=args, train_dataset=datasets.Dataset.from_list(rows), **common)


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
            loss = (logs or {}).get("loss", 0.0)
            if not math.isfinite(loss):
                raise _Diverged(f"the loss is {loss} at step {state.global_step}")

        def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            _keep(Path(args.output_dir) / f"checkpoint-{state.global_step}", home / str(state.global_step))

    return Watch()


def _keep(checkpoint: Path, dose: Path) -> None:
    """Put a checkpoint's adapter in place, whole or not at all."""
    with tempfile.TemporaryDirectory(dir=dose.parent, prefix=f".{dose.name}-") as folder:
        made = Path(folder) / "made"
        made.mkdir()
        for name in _PARTS:
            shutil.copyfile(checkpoint / name, made / name)
        shutil.rmtree(dose, ignore_errors=True)
        os.replace(made, dose)
