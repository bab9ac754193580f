import datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from homogen import BadInput
from homogen import uncertainty as u

NAN = np.nan
CUTOFF, ASKED = "2024-06-30", "2025-06-30"


def after(years, decay=1.0):
    return 1 - np.exp(-decay * years)


def days(end):
    return (datetime.date.fromisoformat(end) - datetime.date.fromisoformat(CUTOFF)).days / 365.25


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("Who won in 2025?", "2025-12-31"),
        ("Who won in 2025.", "2025-12-31"),
        ("The (2025) election", "2025-12-31"),
        ("From 2019-2025, who led?", "2025-12-31"),
        ("Between 2026 and 2025", "2026-12-31"),
        ("the 2024-25 season", "2024-12-31"),
        ("in March 2025", "2025-03-31"),
        ("in february, 2028", "2028-02-29"),
        ("in Sept. 2025", "2025-09-30"),
        ("in May 2025 and 2024", "2025-05-31"),
        ("in 2025-03", "2025-03-31"),
        ("on 2025-03-14", "2025-03-14"),
        ("on 14 March 2025", "2025-03-14"),
        ("on the 14th of March 2025", "2025-03-14"),
        ("on March 14, 2025", "2025-03-14"),
        ("on March 14th 2025", "2025-03-14"),
        ("on February 30, 2025", "2025-02-28"),
        ("May I ask what happened in 2025?", "2025-12-31"),
        ("in 2024", "2024-12-31"),
    ],
)
def test_dates_after_the_cutoff_count_up_to_their_last_day(text, end):
    assert u.freshness([text], CUTOFF)[0] == pytest.approx(after(days(end)), abs=1e-12)
    assert u.freshness([text], CUTOFF, ASKED)[0] == u.freshness([text], CUTOFF)[0]  # a date needs no today


@pytest.mark.parametrize(
    "text",
    [
        "Who wrote Hamlet?",
        "In 1969?",
        "in 2023",
        "on 2024-06-30",
        "2,025 people",
        "$2025",
        "2025% more",
        "version 2025.1",
        "the 2020s",
        "A2025",
        "12025",
        "2125 years",
        "nowhere",
        "I know",
        "unknown currents",
        "recurrent, concurrently",
        "recentre",
        "the presence",
        "todays",
        "this yearling",
        "at presentation",
    ],
)
def test_timeless_questions_and_lookalikes_score_0(text):
    assert u.freshness([text], CUTOFF, ASKED)[0] == 0
    assert u.freshness([text], CUTOFF)[0] == 0


@pytest.mark.parametrize(
    ("text", "years"),
    [
        ("What is the latest model?", 0),
        ("Who is currently president?", 0),
        ("Presently, who leads?", 0),
        ("who leads NOW", 0),
        ("today's price", 0),
        ("What happened this\n  year?", 0),
        ("so far", 0),
        ("Who won last year?", -1),
        ("Who won yesterday?", -1 / 365.25),
        ("Who plays next week?", 7 / 365.25),
        ("an upcoming film", 1 / 12),
        ("Who will win next year, not last year?", 1),
    ],
)
def test_words_that_speak_of_the_day_of_the_question(text, years):
    assert u.freshness([text], CUTOFF, ASKED)[0] == pytest.approx(after(max(days(ASKED) + years, 0)), abs=1e-12)
    assert u.freshness([text], CUTOFF)[0] == 1  # nobody said when: nothing can be known of it
    assert u.freshness([text], CUTOFF, "2020-01-01")[0] == 0  # asked before the cut-off


def test_every_listed_cue_works_and_lies_within_a_year():
    for cue, years in u.CUES.items():
        assert abs(years) <= 1
        assert u.freshness([f"What, {cue.upper()}?"], CUTOFF)[0] == 1
        assert u.freshness([f"What, x{cue}x?"], CUTOFF)[0] == 0


def test_freshness_of_a_list_and_its_arguments():
    texts = ["Who wrote Hamlet?", None, "", " \n", "Who leads now in 2023?"]
    scores = u.freshness(texts, CUTOFF, ASKED)
    np.testing.assert_allclose(scores, [0, NAN, NAN, NAN, after(days(ASKED))])
    assert u.freshness([], CUTOFF).shape == (0,)
    assert np.isnan(u.freshness([""], CUTOFF)[0])
    day = datetime.date(2024, 6, 30)
    assert u.freshness(["now"], day, datetime.datetime(2025, 6, 30, 12))[0] == u.freshness(["now"], CUTOFF, ASKED)[0]
    assert u.freshness(["now"], CUTOFF, ASKED, decay=0.1)[0] == pytest.approx(after(days(ASKED), 0.1))
    assert u.freshness(["now"], "2024-12-31", ASKED)[0] < u.freshness(["now"], CUTOFF, ASKED)[0]


@given(st.integers(1900, 2099), st.floats(0.01, 10))
def test_freshness_is_a_share_that_grows_with_the_year(year, decay):
    score = u.freshness([f"In {year}?"], CUTOFF, decay=decay)[0]
    assert 0 <= score <= 1
    assert (score == 0) == (year < 2024)
    if year < 2099:
        assert u.freshness([f"In {year + 1}?"], CUTOFF, decay=decay)[0] >= score


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("What did Marie Curie find in Paris?", ["Marie Curie", "Paris"]),
        ("Barack Obama was born where?", ["Barack Obama"]),
        ("Is France larger than Spain?", ["France", "Spain"]),
        ("Einstein discovered what?", []),  # a first word alone proves nothing
        ("Einstein and Bohr: did Einstein win?", ["Einstein", "Bohr"]),
        ("NASA or ESA?", ["NASA", "ESA"]),
        ("iPhone or macOS?", ["iPhone", "macOS"]),
        ("Windows 95 or Apollo 11?", ["Windows 95", "Apollo 11"]),
        ("Who wrote Lord of the Rings and The Hobbit?", ["Lord of the Rings", "The Hobbit"]),
        ("What happened at the University of", ["University"]),
        ("Ludwig van Beethoven's 9th symphony", ["Ludwig van Beethoven"]),
        ("Which of France's and Germany’s rivers is longer?", ["France", "Germany"]),
        ("Is John's Rome gone?", ["John", "Rome"]),
        ("Did J. K. Rowling visit St. Louis?", ["J. K. Rowling", "St. Louis"]),
        ("Did Mr. Smith go? Later, in New York, he stayed.", ["Mr. Smith", "New York"]),
        ("Is the U.S. in NATO?", ["U.S.", "NATO"]),
        ("Paris, France", ["France"]),
        ('Who sang "Let it be" first?', ["Let it be"]),
        ("Who wrote “Alice in Wonderland”, and did Alice Liddell like it?", ["Alice in Wonderland", "Alice Liddell"]),
        ("Was it France, FRANCE or France?", ["France"]),
        ("Can I say what I'm told?", []),
        ("In 1969 what happened?", []),
        ("why do veins appear blue?", []),
        ("Élan Vital or Çelik?", ["Élan Vital", "Çelik"]),
        ("", []),
        ("?!", []),
    ],
)
def test_entities_by_rule(text, names):
    assert u.entities([text])[0] == names


def test_entities_of_a_list():
    assert u.entities(["Is Rome old?", None, ""]) == [["Rome"], [], []]
    assert u.entities([]) == []


@given(st.text(alphabet="aB1 .'\"“”?of\n", max_size=25))
def test_entities_are_found_in_any_text_once_each(text):
    names = u.entities([text])[0]
    assert len({name.lower() for name in names}) == len(names)
    assert all(name.strip() for name in names)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: u.freshness(["now"], "2024"), "cutoff must be a date or 'YYYY-MM-DD', got '2024'"),
        (lambda: u.freshness(["now"], None), "cutoff must be a date"),
        (lambda: u.freshness(["now"], CUTOFF, "tomorrow"), "asked must be a date"),
        (lambda: u.freshness(["now"], CUTOFF, decay=0), "decay must be"),
        (lambda: u.freshness(["now"], CUTOFF, decay=np.inf), "decay must be"),
        (lambda: u.freshness(["now", 3], CUTOFF), "question 1: must be a text"),
        (lambda: u.entities([3]), "question 0: must be a text"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(BadInput, match=message):
        call()
