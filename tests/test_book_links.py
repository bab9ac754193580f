"""Links lead to the same place from another folder, and labels of two pages are two."""

import doctest

import pytest

from homogen.book import links


@pytest.mark.parametrize(
    ("text", "there"),
    [
        ("[](primer.ipynb#x) and [a\nb](../overview.md)", "[](../primer.ipynb#x) and [a\nb](../../overview.md)"),
        ('![a](a.png), [a](b.md "c")', '![a](../a.png), [a](../b.md "c")'),
        ("{doc}`u <../api/u>`, {doc}`../api/u`", "{doc}`u <../../api/u>`, {doc}`../../api/u`"),
        ("{term}`a` [](b.md) {ref}`c` [](d.md)", "{term}`a` [](../b.md) {ref}`c` [](../d.md)"),
        ("````{solution} a\n[](b.md)\n````", "````{solution} a\n[](../b.md)\n````"),
        ("[](#a) [](/b) [](https://x.org) [](mailto:a@b.c) {doc}`/a`", None),
        ("`x[a](b)` ``y` [a](b)``", None),
        ("```python\nx[a](b)\n```", None),
        ("```{code-block} python\nx[a](b)\n```\n\n[](c)", "```{code-block} python\nx[a](b)\n```\n\n[](../c)"),
        ("```{note}\nx\n```\n\n```{note}\n[](b)\n```", "```{note}\nx\n```\n\n```{note}\n[](../b)\n```"),
        ("````{note}\n```\n[](b)\n```\n[](c)\n````", "````{note}\n```\n[](b)\n```\n[](../c)\n````"),
    ],
)
def test_links_lead_from_another_folder(text, there):
    assert links.relinked(text, "../") == (text if there is None else there)


LABELLED = """````{exercise}
:label: count-it
How many? See {ref}`count-it` and {ref}`here <mine>`, {eq}`one`, {term}`mine`, [](#mine) and {ref}`other`.
````

````{solution} count-it
As many as `count-it`.
````

(mine)=
## A part

$$ x $$ (one)

$$
y
$$ (two)

```{figure} a.png
:name: fig-a
```
{numref}`fig-a`
"""


def test_labels_get_an_ending_where_they_are_defined_and_referred_to():
    at = LABELLED.index("(mine)=")
    second = "".join(links.relabelled([LABELLED[:at], LABELLED[at:]], "here"))
    wanted = LABELLED.replace("count-it", "count-it-here").replace("`count-it-here`.\n```", "`count-it`.\n```")
    for old, new in {
        "<mine>": "<mine-here>",
        "(#mine)": "(#mine-here)",
        "(mine)=": "(mine-here)=",
        "fig-a": "fig-a-here",
        "(one)": "(one-here)",
        "`one`": "`one-here`",
        "(two)": "(two-here)",
    }.items():
        wanted = wanted.replace(old, new)
    assert second == wanted


def test_a_label_that_is_not_defined_stays():
    text = "{ref}`a`, {ref}`b <c>` and [](#d)"
    assert links.relabelled([text], "here") == [text]


def test_examples_hold():
    assert not doctest.testmod(links).failed
