"""`nox -s vocabulary`: the words of the table of kinds against those in CometChat's SDKs, as npm has them today."""

from __future__ import annotations

import sys

from .comparison import complaints, differences, report
from .ours import our_words
from .packages import SDKS, NpmError, fetch
from .theirs import their_words


def main() -> int:
    """Print the report; return 1 where a word does not agree, and 2 where npm gave no package."""
    theirs = {}
    for title, name in SDKS.items():
        try:
            package = fetch(name)
        except NpmError as exc:
            print(exc, file=sys.stderr)
            return 2
        theirs[f"{title} {package.version}"] = their_words(package.javascript, package.typings)
    ours = our_words()
    wrong = complaints(differences(ours, theirs))
    print(*report(ours, theirs, wrong), sep="\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
