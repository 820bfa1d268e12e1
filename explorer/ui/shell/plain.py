"""Text from outside, made to be shown as it is where Streamlit reads markdown.

Names of plans, studies, blocks, classes and files, titles of runs, and the errors that quote them come from files that
somebody else may have written: ``![x](http://elsewhere/plan.png)`` in a name would tell elsewhere who opens it.
"""

import re

# What starts something anywhere in a line: emphasis, code, links, pictures, formulas, tags, entities, tables. An
# underscore within a word starts nothing.
_ANYWHERE = re.compile(r"[\\`*\[\]<>$~|&]|(?<!\w)_|_(?!\w)")
_AT_THE_START = re.compile(r"^(\d*)([#+=.)-])")
# ``:material/home:``, ``:red[...]`` and ``:smile:`` are found by Streamlit after the escapes are read.
_DIRECTIVE = re.compile(r":(?=[A-Za-z+_-])")
_JOINER = "\N{WORD JOINER}"  # has no width


def plain(text: str) -> str:
    """Markdown that shows the text, on one line.

    >>> plain("![x](http://127.0.0.1/plan.png)")
    '!\\\\[x\\\\](http://127.0.0.1/plan.png)'
    >>> plain("layer1.conv_2, 50 %")
    'layer1.conv_2, 50 %'
    """
    line = _ANYWHERE.sub(r"\\\g<0>", " ".join(text.split()))
    line = _AT_THE_START.sub(r"\1\\\2", line)
    return _DIRECTIVE.sub(f":{_JOINER}", line)


def capital(words: str) -> str:
    """Words as the beginning of a sentence or as a label: the first letter large, all others as they are."""
    return f"{words[:1].upper()}{words[1:]}"
