"""The field's terms where they stand on a page: each a link to its place in the glossary.

The link is relative, so that it holds under any path the app is served at; the glossary opens beside the page.
"""

from explorer.ui.parts.vocabulary import TERMS


def term(key: str, words: str | None = None) -> str:
    """Markdown: a term that links to its entry, under its own name or in the words of the sentence.

    >>> term("trace", "traces")
    '[traces](glossary#trace)'
    """
    return f"[{words or TERMS[key].name}](glossary#{key})"
