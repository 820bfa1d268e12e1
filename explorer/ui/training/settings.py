"""The settings of a training: the project's recipe or one of a paper, and every option behind it."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from explorer.qat import METHODS
from explorer.questions import FinetuneQuestion
from explorer.questions.presets import PRESETS, SOURCES
from explorer.questions.training import LEARNING_RATES, usual_epochs
from explorer.studies import Study
from explorer.ui.parts import fields
from explorer.ui.shell.plain import capital, plain

OWN = "recommended"
_RECIPES: Mapping[str, str] = {
    OWN: "Recommended",
    "hawq": "HAWQ (2019), as published",
    "lsq": "LSQ (2020), as published",
    "pact": "PACT (2018), as published",
    "dorefa": "DoReFa (2016), as published",
    "fpq": "FPQ (2025), as published",
}
_LABELS: Mapping[str, str] = {
    "logits": "Distillation of the outputs",
    "temperature": "Temperature of distillation",
    "channels": "Distillation of channels (CSD)",
    "noise": "Feature noise (SFP), probability",
    "noise_place": "Noise before or after quantization",
    "keep": "What is kept",
    "warmup": "Warm-up (epochs)",
    "trace_images": "Samples of the Hessian trace",
}
_CHOICES: Mapping[str, Mapping[str, str]] = {
    "optimizer": {"usual": "usual for this network", "sgd": "SGD with momentum", "adamw": "AdamW"},
    "keep": {"best": "best on samples held out", "last": "last iterate"},
    "augmentation": {
        "usual": "usual for these samples",
        "crop-flip": "crops and flips",
        "crop": "crops",
        "flip": "flips",
    },
    "stage_order": {"descending": "most damaged blocks first", "ascending": "least damaged blocks first"},
}
_GROUPS: Mapping[str, tuple[str, ...]] = {
    "Teacher and noise": ("logits", "temperature", "channels", "noise", "noise_place"),
    "Schedule": (
        "optimizer",
        "learning_rate",
        "momentum",
        "weight_decay",
        "schedule",
        "warmup",
        "batch_size",
    ),
    "Network": ("batch_norm", "augmentation", "stages", "stage_order", "keep", "trace_images", "seed"),
}


def chosen(study: Study, plan: Mapping[str, Any]) -> tuple[FinetuneQuestion, int]:
    """Draw the settings, closed; what is asked, and how many seeds it is asked with.

    Raises:
        RunError: an option is out of range.
    """
    options: dict[str, Any] = {}
    with st.expander("Settings", icon=":material/tune:"):
        recipe = st.selectbox(
            "Recipe",
            list(_RECIPES),
            format_func=_RECIPES.__getitem__,
            key="training_recipe",
            help="Recommended: what trained best in few epochs here. As published: the paper's settings as far as it "
            "gives them and a short training can follow them.",
        )
        if recipe in SOURCES:
            st.caption(plain(SOURCES[recipe]))
        start = FinetuneQuestion(plan=plan, **PRESETS.get(recipe, {}))
        usual = usual_epochs(plan)
        options["epochs"] = st.number_input(
            "Epochs",
            1,
            1000,
            None,
            placeholder=f"{usual}, as usual",
            help=f"Passes over the {study.data.size('train'):,} {study.training_name}. Left empty: {usual}, as usual for these widths.",
            key="training_epochs",
        )
        names = list(METHODS)
        options["method"] = st.selectbox(
            "Method",
            names,
            names.index(start.method),
            format_func=lambda name: capital(METHODS[name].title),
            key=f"training_{recipe}_method",
        )
        options["method_options"] = _of_method(options["method"], recipe, start)
        for group, members in _GROUPS.items():
            st.markdown(f"**{group}**")
            for name in members:
                options[name] = _option(name, start, recipe)
        seeds = st.number_input(
            "Trainings, a seed each",
            1,
            10,
            1,
            help="Several seeds tell what is due to chance: Results shows their mean and standard deviation.",
            key="training_seeds",
        )
    return FinetuneQuestion(plan=plan, **options), int(seeds)


def _of_method(method: str, recipe: str, start: FinetuneQuestion) -> dict[str, Any]:
    """Options of the method that are not its defaults."""
    model = METHODS[method].Options
    found = {}
    for name, field in model.model_fields.items():
        usual = field.get_default()
        first = start.method_options.get(name, usual) if method == start.method else usual
        label = capital(name.replace("_", " "))
        value = fields.widget(field, label=label, value=first, key=f"training_{recipe}_{method}_{name}")
        if value != usual:
            found[name] = value
    return found


def _option(name: str, start: FinetuneQuestion, recipe: str) -> Any:
    field = FinetuneQuestion.model_fields[name]
    label = _LABELS.get(name, capital(name.replace("_", " ")))
    value = getattr(start, name)
    if name == "learning_rate" and value is None:
        label += (
            " ("
            + ", ".join(f"{rate:g} for {_CHOICES['optimizer'][of]}" for of, rate in LEARNING_RATES.items())
            + ")"
        )
    return fields.widget(
        field, label=label, value=value, key=f"training_{recipe}_{name}", names=_CHOICES.get(name)
    )
