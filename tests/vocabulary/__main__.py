"""`nox -s vocabulary`: our words and golden frames against CometChat's SDKs, as npm has them today."""

from __future__ import annotations

import sys

from .comparison import complaints, counts, differences, reasons, verdict
from .golden import NodeError, called, golden_frames, surprises
from .ours import our_words
from .packages import SDKS, NpmError, fetch
from .theirs import their_words


def main() -> int:
    """Print the report; return 1 where something does not agree, and 2 where npm or Node.js gave nothing to compare."""
    ours, goldens = our_words(), golden_frames()
    theirs, pushed, wrong = {}, [], []
    for title, name in SDKS.items():
        try:
            package = fetch(name)
            heard = called(package.javascript, [golden.frame for golden in goldens])
        except (NpmError, NodeError) as exc:
            print(exc, file=sys.stderr)
            return 2
        sdk = f"{title} {package.version}"
        theirs[sdk] = their_words(package.javascript, package.typings)
        unexpected = surprises(sdk, goldens, heard)
        wrong += unexpected
        pushed.append(f"  {sdk}: {len(goldens) - len(unexpected)} of {len(goldens)}")
    wrong = complaints(differences(ours, theirs)) + wrong
    print(*counts(ours, theirs), "", *reasons(), "", sep="\n")
    print("Golden frames that call the listeners they name, pushed into the SDKs:", "", *pushed, "", sep="\n")
    print(*verdict(wrong, ours), sep="\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
