"""A full set of activation traces, in units of one forward and one backward pass over the samples used."""

from benchmarks.peers import Peers
from benchmarks.problem import Problem, drawn
from benchmarks.settings import Settings
from benchmarks.tables import Claim, Column, Findings, Row, Table
from benchmarks.timing import in_turns
from explorer.curvature import Traces, activation_traces

CHUNK = 64


def activations(problem: Problem, peers: Peers, settings: Settings) -> Findings:
    """As many draws as there are samples, whatever error that leaves."""
    some = problem.on(drawn(problem.study, settings.rows))
    model = some.copy_of_model().requires_grad_(True)

    def ordinary(_: int) -> None:
        for inputs, targets in some.batches(CHUNK):
            problem.study.loss(model(inputs), targets).backward()
        model.zero_grad(set_to_none=True)

    def traces(repeat: int) -> Traces:
        return activation_traces(
            problem.study,
            method="output-probes",
            rows=some.rows,
            samples=some.size,
            rel_se=1e-9,
            seed=300 + repeat,
        )

    timed = in_turns({"traces": traces, "ordinary": ordinary}, repeats=settings.repeats + 2)
    times = timed["traces"].best / timed["ordinary"].best
    last = timed["traces"].values[-1]
    assert isinstance(last, Traces)
    errors = sorted(b.stderr / abs(b.trace) for b in last.blocks)
    rows: tuple[Row, ...] = (
        {
            "what": f"forward and backward pass for the weights' gradients, {some.size} samples",
            "seconds": timed["ordinary"].best,
            "units": 1.0,
        },
        {
            "what": f"activation traces of {len(last.blocks)} layers, {last.blocks[0].samples} draws from them",
            "seconds": timed["traces"].best,
            "units": times,
            "worst": errors[-1],
            "median": errors[len(errors) // 2],
        },
    )
    columns = (
        Column("what", "what"),
        Column("seconds", "s", "seconds"),
        Column("units", "forward-backward passes", "number"),
        Column("worst", "standard error, worst layer", "percent"),
        Column("median", "median layer", "percent"),
    )
    table = Table("d", f"{problem.study.name}: activation traces", columns, rows)
    what = (
        f"activation traces of {len(last.blocks)} layers from {some.size} samples, in forward-backward passes"
    )
    claim = Claim(
        problem.study.name,
        what,
        "less than 3",
        f"{times:.2f}",
        times < 3,
    )
    return Findings([table], [claim])
