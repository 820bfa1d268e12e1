"""The command that puts the predicted damage to the test."""

from typing import Annotated, Any

import typer

from explorer.cli import parsing
from explorer.cli.options import Granularity, GranularityOption, JsonOption, SeedOption, Split, StudyOption
from explorer.cli.output import remark, show, table
from explorer.cli.running import run_to_end


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("proxy")(proxy)


def proxy(
    study: StudyOption,
    plans: Annotated[int, typer.Option(min=2, help="how many to measure")] = 80,
    samples: Annotated[int, typer.Option(min=2, help="how many samples")] = 1000,
    split: Annotated[Split, typer.Option(help="which samples")] = Split.test,
    bits: Annotated[str, typer.Option(help="widths that plans are made of")] = "2,3,4,6,8",
    a_bits: Annotated[int, typer.Option(help="width of the activations; 32 leaves them as they are")] = 32,
    step: Annotated[str, typer.Option(help="how weights choose their step: mse or min-max")] = "mse",
    damage_samples: Annotated[int, typer.Option(min=2, help="training rows for ΔWᵀHΔW by products")] = 512,
    eigen_samples: Annotated[int, typer.Option(min=2, help="training rows for the eigenvalues")] = 128,
    granularity: GranularityOption = Granularity.layer,
    seed: SeedOption = 0,
    as_json: JsonOption = False,
) -> None:
    """Does Ω order plans as their measured loss does? By every measure of damage, with rank correlations."""
    from explorer import studies
    from explorer.jobs.requests import spec_of
    from explorer.plans import ALLOWED_BITS
    from explorer.quantizers import QuantizerSettings
    from explorer.questions import ProxyQuestion

    widths = parsing.menu(bits, "--bits")
    if wrong := [width for width in (*widths, a_bits) if width not in ALLOWED_BITS]:
        raise typer.BadParameter(f"there is no width of {wrong[0]} bits; use 1 to 8, 16 or 32")
    QuantizerSettings(step=step)  # a misspelt rule is told before anything is computed
    loaded = studies.load_network(study)
    spec = spec_of(
        loaded,
        ProxyQuestion(
            plans=plans,
            samples=samples,
            split=split.value,
            bits=list(widths),
            a_bits=a_bits,
            quantizer={"step": step},
            damage_samples=damage_samples,
            eigen_samples=eigen_samples,
            granularity=granularity.value,
            seed=seed,
        ),
    )
    run_id, result = run_to_end(spec, f"does the proxy hold on {loaded.name}")
    rows = [
        (name, *(_correlation(found[key]) for key in ("spearman", "kendall", "equal_size")), found["pairs"])
        for name, found in result["agreement"].items()
    ]
    columns = ("Ω by", "Spearman's ρ", "Kendall's τ", "τ at equal size", "pairs")
    title = (
        f"Measured loss of {len(result['plans'])} plans of {loaded.name} against Ω "
        f"({result['samples']:,} {result['split']} {loaded.noun.many}, {result['seconds']:.0f} s)"
    )
    show({"run": run_id, **result}, as_json, table(title, columns, rows), about=loaded)
    for row in result["compared"]:
        remark(_sentence(result, row))


def _correlation(found: dict[str, Any]) -> str:
    value, low, high = found["value"], found["low"], found["high"]
    return "–" if value is None or value != value else f"{value:.2f} ({low:.2f} to {high:.2f})"


def _sentence(result: dict[str, Any], row: dict[str, Any]) -> str:
    size = result["plans"][row["first"]]["size_bytes"]
    return f"{row['question']}, {size:,.0f} bytes: the second's loss is {row['rise']:+.4f} ± {row['rise_stderr']:.4f}"
