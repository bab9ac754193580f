"""Fine-tune a model and see what that does to its answers: supervised (SFT) and by preference (DPO), dose by dose.

``data`` makes examples and pairs out of answers that a model drew, ``arms`` the controls of a comparison, and
``chains`` both stages, beginning with a teacher's answers; ``recipe`` says what a training is and what its models are
called; ``training`` carries it out with trl and peft, ``drawing`` draws from what it made, and ``effects`` says what
came of it, over trainings and questions. A trained model is a small adapter on its base, kept in the user's cache
(``homogen.models.trained``). It has a name that :func:`homogen.models.load_model` takes like any other, so that the
engine which runs on transformers draws from it; vLLM and servers do not.

Lists of unequal length and settings out of range are a :class:`~homogen.records.BadInput`: one line that names the
thing and the mend.
"""

from homogen.alignment.arms import ARMS, second_stages
from homogen.alignment.chains import Chain, chain, says
from homogen.alignment.data import (
    Example,
    Preference,
    chosen_examples,
    every_example,
    paired,
    read_pairs,
    summary,
    swapped,
    write_pairs,
)
from homogen.alignment.drawing import answer_logprobs, answers, run_logprobs
from homogen.alignment.effects import average, crossed, farthest_both
from homogen.alignment.recipe import Recipe
from homogen.alignment.training import losses, train
from homogen.records.exports import public as _public

__all__ = _public(globals())
