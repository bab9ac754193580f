"""Compare two folders of findings, number by number: ``python benchmarks/compare_findings.py BEFORE AFTER``.

For a change that must not change a result. A finding is named by its chapter and its name; its value, interval, n and
claim are compared, numbers to a relative 1e-9. Exits with 1 if anything differs.
"""

import argparse
import json
import math
import sys
from pathlib import Path

FIELDS = ("value", "low", "high", "n", "claim", "unit")


def findings(folder: Path) -> dict[tuple[str, str], dict]:
    """All findings below a folder, by chapter and name."""
    paths = sorted(folder.glob("*.json"))
    if not paths:
        sys.exit(f"no findings in {folder}")
    return {(path.stem, row["name"]): row for path in paths for row in json.loads(path.read_text("utf-8"))}


def equal(a: object, b: object) -> bool:
    """Whether two fields are the same; None is a missing number."""
    if isinstance(a, int | float) and isinstance(b, int | float):
        return math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-12)
    return a == b


def main() -> int:
    """Print what is missing, new or different."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    given = parser.parse_args()
    before, after = findings(given.before), findings(given.after)
    for key in sorted(before.keys() - after.keys()):
        print("gone:     ", *key, sep="  ")
    for key in sorted(after.keys() - before.keys()):
        print("new:      ", *key, sep="  ")
    differ = 0
    for key in sorted(before.keys() & after.keys()):
        changed = [f for f in FIELDS if not equal(before[key][f], after[key][f])]
        differ += bool(changed)
        for field in changed:
            print("different:", *key, f"{field} {before[key][field]} -> {after[key][field]}", sep="  ")
    both = before.keys() & after.keys()
    print(f"{len(both)} findings in both, {differ} of them different; {len(before)} before, {len(after)} after")
    return int(differ > 0 or before.keys() != after.keys())


if __name__ == "__main__":
    sys.exit(main())
