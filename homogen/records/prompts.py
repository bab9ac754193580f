"""What stands around a question, and where its answer is over."""

from __future__ import annotations

import dataclasses

from homogen.records.checks import unknown


@dataclasses.dataclass(frozen=True)
class PromptTemplate:
    """The words around a question, and the strings at which an answer is over.

    A chat model gets ``text`` as the user's message in its own chat template; a base model gets it as it is.

    Parameters
    ----------
    text
        Contains ``{question}`` once.
    stop
        An answer ends before the first of these. A base model that goes on to ask itself the next question has
        finished with ours; the same rule holds for every model, so that base and instruct are compared alike.
    """

    text: str
    stop: tuple[str, ...] = ()

    def render(self, question: str) -> str:
        """Put a question into the template."""
        return self.text.replace("{question}", question)


PROMPTS = {
    "concise": PromptTemplate("Answer the following question concisely:\n\nQ: {question}\nA:", stop=("\nQ:",)),
    "steps": PromptTemplate(
        "Solve the following problem step by step. End with a line that has four number signs and the final number, "
        "as in: #### 12\n\nQ: {question}\nA:",
        stop=("\nQ:",),
    ),
    "plain": PromptTemplate("{question}", stop=("\nQ:",)),
}
"""Prompt templates by name: ``concise`` is the paper's, ``steps`` for sums, which a bare number seldom gets right."""


def prompt_template(name: str) -> PromptTemplate:
    """Look a prompt template up; a text with ``{question}`` in it is a template of its own.

    Examples
    --------
    >>> prompt_template("concise").render("Is the Earth flat?")
    'Answer the following question concisely:\\n\\nQ: Is the Earth flat?\\nA:'
    >>> prompt_template("Frage: {question}").render("Wie spät ist es?")
    'Frage: Wie spät ist es?'
    """
    if "{question}" in name:
        return PromptTemplate(name)
    if name not in PROMPTS:
        raise unknown("prompt", name, PROMPTS)
    return PROMPTS[name]
