"""What stands around a question, and where its answer is over."""

from __future__ import annotations

import dataclasses

from homogen.records.checks import unknown


@dataclasses.dataclass(frozen=True)
class PromptTemplate:
    """The words around a question, and the strings at which an answer is over.

    A chat model gets ``text`` as the user's message in its own chat template; a base model gets it as it is, behind
    ``system`` and an empty line if there is one.

    Parameters
    ----------
    text
        Contains ``{question}`` once.
    stop
        An answer ends before the first of these. A base model that goes on to ask itself the next question has
        finished with ours; the same rule holds for every model, so that base and instruct are compared alike.
    system
        The system's message to a chat model; "" leaves it to the model's template, which may bring one of its own.
    chat
        False asks also a chat model outside its template, as a base model is asked.
    """

    text: str
    stop: tuple[str, ...] = ()
    system: str = ""
    chat: bool = True

    def render(self, question: str) -> str:
        """Put a question into the template."""
        return self.text.replace("{question}", question)

    def plain(self, text: str) -> str:
        """What a model is asked outside a chat template: a rendered text, behind the system's message.

        Examples
        --------
        >>> PromptTemplate("{question}", system="Be brief.").plain("Why?")
        'Be brief.\\n\\nWhy?'
        """
        return f"{self.system}\n\n{text}" if self.system else text

    def told(self) -> dict[str, object]:
        """What a run's account says of it: ``text``, ``stop``, and the other fields where they are not as usual."""
        usual = {"system": "", "chat": True}
        fields = dataclasses.asdict(self)
        return {name: value for name, value in fields.items() if name not in usual or value != usual[name]}


_CONCISE = PromptTemplate("Answer the following question concisely:\n\nQ: {question}\nA:", stop=("\nQ:",))
PROMPTS = {
    "concise": _CONCISE,
    "bare": dataclasses.replace(_CONCISE, chat=False),
    "brief": PromptTemplate("{question}", stop=("\nQ:",), system="Answer in one or two sentences."),
    "steps": PromptTemplate(
        "Solve the following problem step by step. End with a line that has four number signs and the final number, "
        "as in: #### 12\n\nQ: {question}\nA:",
        stop=("\nQ:",),
    ),
    "plain": PromptTemplate("{question}", stop=("\nQ:",)),
}
"""Prompt templates by name.

``concise`` is the paper's for drawn answers, and ``bare`` the same outside the chat template. ``brief`` is what the
paper says of its greedy answers, in words of ours: a system's message that asks for one or two sentences. ``steps`` is
for sums, which a bare number seldom gets right.
"""


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
