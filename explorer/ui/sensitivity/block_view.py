"""One block of the Sensitivity page: how its estimate converged, and which samples matter."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import streamlit as st
from torch import Tensor

from explorer.curvature import Draws
from explorer.curvature.carriers import Carrier, Carriers, carriers
from explorer.errors import ExplorerError
from explorer.figures.curvature import carriers as carriers_figure
from explorer.figures.curvature import convergence
from explorer.figures.curvature.sensitivity import Of
from explorer.runs import Run
from explorer.studies import ImageData, Study
from explorer.studies.kinds.pictures import PictureSamples
from explorer.ui.parts import export
from explorer.ui.shell import caches, sentences, session
from explorer.ui.shell.plain import plain

_PICTURE_PIXELS = 80  # how wide a picture is on the page
_REMAINDER = 1e-3  # a difference from the Gauss-Newton part that is worth a word

_NO_DRAWS: Mapping[str, str] = {
    "hutchinson": "A Hessian-vector product sees a whole batch at once, so these traces cannot say what a single sample "
    "carries. Compute them with the method auto, output-probes or exact.",
}
_OLD = "The single draws of these traces were not kept; compute them again to see which samples matter."
_OLD_COURSE = "These traces were computed before their course was kept; compute them again to see it."
_NOTHING_DRAWN = (
    "Every sample and every output direction was taken: there is nothing to converge, and no error."
)
_RANKED_BEFORE = (
    "They are ranked by how unsure the network is of them, which was known before the first was drawn: ranked by "
    "what they turned out to carry, chance would flatter the highest. Ranked by what they truly carry, the curve could only "
    "be higher; the method exact shows that one."
)
_RANKED_EXACTLY = "They are ranked by what they carry; nothing was drawn, so there is no error."
_CHOSEN = (
    "Chosen by one half of their draws and measured by the other, ± one standard error, so that chance does not flatter "
    "them; one that came out high while choosing may come out low. A smaller target standard error draws each more "
    "often."
)


def show(study: Study, runs: Mapping[Of, Run], log: bool) -> None:
    """The block in hand, chosen by a click on the picture or from a list."""
    st.header("One block")
    name = _choose()
    if name is None:
        st.caption(
            "Click a dot above, or choose a block here, to see how its estimate converged and which "
            f"{study.noun.many} matter."
        )
        return
    for of, run in runs.items():
        result = run.result or {}
        index = next((i for i, block in enumerate(result["blocks"]) if block["name"] == name), None)
        if index is None:
            continue
        st.header(f"{plain(name)}, {of}")
        left, right = st.columns(2, gap="large")
        with left:
            _convergence(run, index, of)
        with right:
            found = _carried(run, index, of, log)
        if found is not None:
            _pictures(study, found, name, of)


def _choose() -> str | None:
    names = [block.name for block in session.blocks()]
    key = f"block_looked_at_{session.reference()}_{session.granularity()}"
    st.session_state[key] = session.focus()

    def looked() -> None:
        session.look_at(st.session_state[key])

    return st.selectbox(
        "Block",
        names,
        index=None,
        placeholder="none yet",
        key=key,
        width=320,
        on_change=sentences.callback(looked),
    )


def _convergence(run: Run, index: int, of: Of) -> None:
    result = run.result or {}
    block = result["blocks"][index]
    value = _with_error(block["mean_trace"], block["stderr"] / max(block["n"], 1))
    exact = result["method"] == "exact"
    counted = f"{block['samples']:,} {session.study().noun.many}"
    made = f"all {counted}" if exact else f"{counted} drawn"
    st.markdown(f"**Convergence of the estimate**: {value}, from {made}.")
    seen = convergence.view(result, block["name"])
    if seen is None:
        st.info(_NOTHING_DRAWN if exact else _OLD_COURSE)
        return
    export.chart(
        convergence.figure(seen, of=of, noun=session.study().noun.many),
        key=f"convergence_{of}",
        name=f"convergence-{of}-{block['name']}",
        alt=convergence.finding(seen, session.study().noun.many),
        table=lambda: pd.DataFrame(convergence.moments(seen.steps)),
    )


def _carried(run: Run, index: int, of: Of, log: bool) -> Carriers | None:
    """The curve of which samples matter; None, and why, where that cannot be said."""
    noun = session.study().noun
    title = f"**Which {noun.many} matter**"
    found = _carriers(run, index)
    if isinstance(found, str):
        st.markdown(title)
        st.info(plain(found))
        return None
    said = ""
    if found.marks:
        first = found.marks[0]
        least = "" if found.exact else "at least "
        share = _percent(first.of_trace, first.stderr)
        said = f"the top {_percent(first.of_samples, 0)} of the {noun.many} account for {least}{share}."
    st.markdown(
        f"{title}: {said}" if said else title, help=_RANKED_EXACTLY if found.exact else _RANKED_BEFORE
    )
    block = (run.result or {})["blocks"][index]
    export.chart(
        carriers_figure.figure(found.curve, marks=found.marks, of=of, noun=noun, log=log),
        key=f"carriers_{of}",
        name=f"carriers-{of}-{block['name']}",
        alt=f"Share of the trace against share of the {noun.many}: {said}"
        if said
        else f"Share of the {noun.many}.",
        table=lambda: pd.DataFrame([vars(point) for point in found.curve]),
    )
    remainder = 1 - found.trace / block["trace"] if block["trace"] else 0.0
    if abs(remainder) > _REMAINDER:
        st.caption(
            f"Of the Gauss-Newton part; the remainder, {remainder:.1%} of this trace, is not known {noun.one} by {noun.one}."
        )
    return found


def _carriers(run: Run, index: int) -> Carriers | str:
    """What carries the block's trace, or why that cannot be said."""
    result = run.result or {}
    kept = run.artifacts.get("draws")
    if kept is None:
        return _NO_DRAWS.get(result["method"], _OLD)
    try:
        return carriers(_draws(kept, run.id), index, exact=result["method"] == "exact")
    except ExplorerError as error:
        return f"{str(error)[0].upper()}{str(error)[1:]}".rstrip(".") + "."


@st.cache_resource(show_spinner=False, max_entries=8)
def _draws(sha256: str, _run_id: str) -> Draws:
    return Draws.from_tensors(caches.store().tensors(_run_id, "draws"))


def _pictures(study: Study, found: Carriers, name: str, of: Of) -> None:
    top = [
        each for each in found.top if each.share > each.stderr
    ]  # within one error of zero is nothing to show
    if not top:
        return
    st.markdown(
        f"**{study.noun.many.capitalize()} that matter most**",
        help=_RANKED_EXACTLY if found.exact else _CHOSEN,
    )
    shares = [_percent(each.share, each.stderr) for each in top]
    with st.container(horizontal=True, gap="small", key=f"carrying_{of}"):
        for each, share in zip(top, shares, strict=True):
            drawn = "" if found.exact else f"  \n{each.draws} draws"
            words = f"**{plain(_label(study, each.position))}**  \n{share}{drawn}"
            if isinstance(study.data, ImageData | PictureSamples):
                picture = _enlarged(study.data, each.position)
                st.image(picture, width=_PICTURE_PIXELS, caption=words, output_format="PNG")
            else:
                st.caption(words)
    export.table(lambda: _table(study, top), key=f"carrying_{of}", name=f"carrying-{of}-{name}")


def _label(study: Study, position: int) -> str:
    target = study.data.targets("train", slice(position, position + 1))[0]
    if not isinstance(target, Tensor) or target.is_floating_point() or target.ndim or not study.data.classes:
        return f"{study.noun.one} {position}"
    name = study.data.classes[int(target)]
    return f"class {name}" if name.isdigit() else name


def _enlarged(data: ImageData | PictureSamples, position: int) -> np.ndarray:
    """The image with every pixel as a square, so that a small one stays sharp."""
    image = data.images("train", slice(position, position + 1))[0]
    times = max(1, -(-2 * _PICTURE_PIXELS // image.shape[1]))
    large: np.ndarray = image.repeat(times, axis=0).repeat(times, axis=1)
    return large[:, :, 0] if large.shape[2] == 1 else large[:, :, :3]


def _table(study: Study, top: Sequence[Carrier]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                study.noun.one: each.position,
                "label": _label(study, each.position),
                "share": each.share,
                "stderr": each.stderr,
                "draws": each.draws,
            }
            for each in top
        ]
    )


def _with_error(value: float, error: float) -> str:
    return f"{value:.3g} ± {error:.1g}" if error else f"{value:.4g}"


def _percent(share: float, error: float) -> str:
    return f"{share * 100:.1f} ± {error * 100:.1f}\u00a0%" if error else f"{share * 100:.1f}\u00a0%"
