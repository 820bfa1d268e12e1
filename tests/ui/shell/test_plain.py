"""What comes from files of other people is shown as it is: no picture, link or formula is made of a name."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from safetensors.torch import save_file
from streamlit.testing.v1 import AppTest

from explorer import studies
from explorer.jobs import execute
from explorer.jobs.requests import spec_of
from explorer.plans import Plan
from explorer.questions import EvaluateQuestion, FinetuneQuestion, TracesQuestion
from explorer.runs import Store
from explorer.ui.shell.plain import plain
from tests import learnable
from tests.ui.conftest import PAGES, ROOT, hold

EVIL = "![x](//h/p)$a$:red[b]<i>"
ACTIVE = ("![x](", "$a$", ":red[", "<i>")
# What these say is shown as it is by Streamlit itself, or is a value and no label.
PLAIN = {
    ("selectbox", "options"), ("selectbox", "raw_value"), ("multiselect", "options"), ("text_input", "default"),
    ("text_input", "value"), ("multiselect", "raw_values"), ("text", "body"),
}  # fmt: skip
DRAWN = {"arrow_data_frame", "plotly_chart", "bidi_component", "dataframe", "json"}

NETWORK = '''"""The same network with modules that are called as badly as Python allows."""

from collections import OrderedDict
from torch import nn


def build() -> nn.Module:
    made = [nn.Conv2d(1, 6, 3, bias=False), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 3)]
    return nn.Sequential(OrderedDict((f"{i}EVIL", each) for i, each in enumerate(made)))
'''


BEGINNINGS = ("# a", "1. a", "- a", "+ a", "= a", "> a", "a\n\n    b", "")
MARKS = (
    "`a`",
    "~~a~~",
    "*a*",
    "_a_",
    "[a](b)",
    "<http://a>",
    "&amp;",
    "a | b",
    "**a**",
    "\\*a\\*",
    "layer1.conv_2",
)


@pytest.mark.parametrize("text", [EVIL, *BEGINNINGS, *MARKS])
def test_markdown_shows_the_text_itself(text: str) -> None:
    assert _shown(plain(text)) == " ".join(text.split())


@given(st.text(st.sampled_from("![]()*_`$<>&#-+=|~\\:ab1. \n"), max_size=30))
def test_markdown_shows_any_text_itself(text: str) -> None:
    """Another reader of markdown, which knows CommonMark to the letter, sees nothing but text."""
    assert _shown(plain(text)) == " ".join(text.split())


def test_streamlits_own_directives_are_not_begun() -> None:
    """They are looked for after escapes are read, so that a backslash would not do."""
    for text in (":red[a]", ":material/home:", ":smile:", "$a$"):
        found = plain(text)
        assert not re.search(r":[a-z]|(?<!\\)\$", found)
        assert found.replace("\N{WORD JOINER}", "").replace("\\", "") == text


def _shown(markdown: str) -> str:
    """The text that markdown shows; a token that is no text is named."""
    tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(markdown)
    words = ""
    for token in tokens:
        if token.type not in ("paragraph_open", "paragraph_close", "inline"):
            words += f" {token.type} "
        for child in token.children or []:
            shows = child.type in ("text", "text_special")
            words += child.content if shows else f" {child.type} "
    return words.replace("\N{WORD JOINER}", "")


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """A study whose every name is hostile, and a home in which it was worked on: its reference, and the home."""
    folder = tmp_path_factory.mktemp("hostile")
    toml = learnable.write(folder / "study")
    (toml.parent / "net.py").write_text(NETWORK.replace("EVIL", EVIL.replace(".", "")))
    weights = _build(toml.parent / "net.py")
    save_file(weights.state_dict(), toml.parent / "weights.safetensors")
    text = toml.read_text(encoding="utf-8")
    text = re.sub(r'name = ".*?"', f'name = "{EVIL}"', text, count=1)
    text += "\n[card]\n" + "\n".join(f'{key} = "{EVIL}"' for key in ("title", "summary", "source", "licence"))
    text += f'\n[card.facts]\n"{EVIL}" = "{EVIL}"\n'
    toml.write_text(text, encoding="utf-8")
    study = studies.load_network(str(toml))
    home = folder / "home"
    store = Store.open(home=home)
    execute(store, spec_of(study, EvaluateQuestion()))
    for of in ("weights", "activations"):
        execute(store, spec_of(study, TracesQuestion(of=of, rel_se=0.3)), title=EVIL)
    plan = Plan.uniform(study, study.blocks(), 4, 8)
    execute(
        store,
        spec_of(study, FinetuneQuestion(plan=plan.to_json(), batch_size=16)),
        title=f"Fine-tuning {EVIL}",
    )
    store.submit(spec_of(study, TracesQuestion(seed=5)), EVIL)
    store.close()
    return str(toml), home


def _build(path: Path) -> torch.nn.Module:
    made: dict[str, Any] = {}
    exec(compile(path.read_text(encoding="utf-8"), str(path), "exec"), made)
    network: torch.nn.Module = made["build"]()
    return network


def _strings(message: Any, kind: str) -> Iterator[tuple[str, str]]:
    """Every text of a message by the field that holds it."""
    for field, value in message.ListFields():
        for each in value if field.is_repeated else [value]:
            if isinstance(each, str):
                if field.name != "id" and (kind, field.name) not in PLAIN:
                    yield f"{kind}.{field.name}", each
            elif hasattr(each, "ListFields"):
                yield from _strings(each, kind)


def _interpreted(node: Any) -> Iterator[tuple[str, str]]:
    proto = getattr(node, "proto", None)
    if proto is not None and hasattr(proto, "ListFields") and node.type not in DRAWN:
        yield from _strings(proto, node.type)
    for child in getattr(node, "children", {}).values():
        yield from _interpreted(child)


@pytest.mark.parametrize("name", ["start", *PAGES])
def test_no_page_reads_markdown_in_a_name(
    name: str, hostile: tuple[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Study, card, blocks, plan and runs are called as a stranger might call them who wants to know who looks."""
    toml, home = hostile
    shutil.copytree(home, tmp_path / "home")
    monkeypatch.setenv("EXPLORER_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("EXPLORER_STUDIES", toml)
    study = studies.load_network(toml)
    page = AppTest.from_file(str(ROOT / "app.py"), default_timeout=600)
    page.query_params["study"] = toml
    page.query_params["block"] = study.blocks()[0].name
    hold(page, toml, Plan.uniform(study, study.blocks(), 4, 8, name=EVIL))
    if name != "start":
        page.switch_page(f"pages/{name}.py")
    page.run()
    assert not page.exception
    assert page.title[0].value
    said = list(_interpreted(page.main)) + list(_interpreted(page.sidebar))
    assert len(said) > 20
    wrong = [f"{where}: {text!r}" for where, text in said for active in ACTIVE if active in text]
    assert not wrong, "\n".join(wrong)
    joined = " ".join(text for _, text in said)
    assert plain(EVIL) in joined, "the names are not on the page at all"
