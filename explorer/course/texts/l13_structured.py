"""Lesson 13: structured matrices."""

from explorer.course.answers import Number, Numbers, OneOf, Trap
from explorer.course.controls import Choice, Slider
from explorer.course.parts import (
    Code,
    Exercise,
    Experiment,
    InTheApp,
    Lesson,
    Long,
    Notice,
    Outcome,
    Picture,
    Quantity,
    Source,
    Sources,
    Text,
)
from explorer.figures.lessons import structured as pictures
from explorer.lessons import structured
from explorer.lessons.common import longs
from explorer.lessons.common.longs import LongResult

_STAGES = ("R", "PR", "LPR", "PLPR")
_STAGE_WORDS = {"R": "R x", "PR": "P R x", "LPR": "L Pᵀ R x", "PLPR": "P L Pᵀ R x = M x"}
_MATRIX_WORDS = {
    "conv": "centre of a ResNet-20's kernels",
    "hadamard": "Hadamard",
    "fourier": "Fourier (DFT)",
    "fourier-p": "Fourier, columns permuted by P",
    "smooth": "1 / (1 + |i − j|)",
    "random": "random, normal",
}


def _permuting(m: int, stage: str, entry: int) -> Outcome:
    left, right, x = structured.drawn_blocks(m)
    n = m * m
    at = min(entry, n) - 1
    unit = x.new_zeros(n)
    unit[at] = 1.0
    all_stages, reach = structured.stages(left, right, x), structured.stages(left, right, unit)
    views = {
        name: pictures.cells_view(all_stages[name].tolist(), reach[name].tolist()) for name in ("x", stage)
    }
    reached = sum(each for row in views[stage].reached for each in row)
    finding = (
        f"Entry {at + 1} of x, in row {at // m + 1} and column {at % m + 1}, reaches {reached} of {n} entries of "
        f"{_STAGE_WORDS[stage]}."
    )
    return Outcome(
        pictures=(
            Picture(
                pictures.cells_figure(views["x"]), f"x as a matrix of {m} rows, entry {at + 1} marked.", "x"
            ),
            Picture(pictures.cells_figure(views[stage]), finding, _STAGE_WORDS[stage]),
        ),
        finding=finding,
        quantities=(
            Quantity("n = m²", f"{n}"),
            Quantity(
                "parameters of M",
                f"{structured.parameters(n):,}",
                "2 m³: both factors have m blocks of m × m.",
            ),
            Quantity("of a dense matrix", f"{n * n:,}"),
            Quantity("ratio", f"{structured.parameters(n) / n**2:.1%}"),
        ),
    )


def _projection(matrix: str, terms: int) -> Outcome:
    of = structured.example(matrix)
    n = len(of)
    m = structured.side(n)
    found = structured.project(of, terms)
    sizes = [structured.parameters(n) * r for r in range(1, m + 1)]
    ranks = [size // (2 * n) for size in sizes]
    curves = {
        "Monarch": list(zip(sizes, found.errors.tolist(), strict=True)),
        "low rank": list(zip(sizes, structured.low_rank_errors(of, ranks).tolist(), strict=True)),
        "largest entries": list(zip(sizes, structured.sparse_errors(of, sizes).tolist(), strict=True)),
    }
    other, sparse = curves["low rank"][terms - 1][1], curves["largest entries"][terms - 1][1]
    words = "one Monarch matrix" if terms == 1 else f"the sum of {terms} Monarch matrices"
    finding = (
        f"The best approximation by {words} is off by {found.error:.1%} of the norm; a matrix of rank {ranks[terms - 1]} "
        f"has as many parameters and is off by {other:.1%}."
    )
    difference = (of - found.matrix).abs()
    return Outcome(
        pictures=(
            Picture(
                pictures.errors_figure(curves, (sizes[terms - 1], found.error), n * n),
                finding,
                "error against parameters",
            ),
            Picture(
                pictures.heat_figure(difference.tolist(), diverging=False),
                f"What is missing is at most {float(difference.max()):.3g} in one entry.",
                "|A − M|, entry by entry",
            ),
        ),
        finding=finding,
        quantities=(
            Quantity("error of Monarch", f"{found.error:.2%}", "‖A − M‖_F / ‖A‖_F."),
            Quantity("of the same size in low rank", f"{other:.2%}"),
            Quantity("in largest entries", f"{sparse:.2%}", "Where they lie would have to be stored, too."),
            Quantity("parameters", f"{sizes[terms - 1]:,} of {n * n:,}"),
        ),
    )


def _butterfly(bsize: int, count: int) -> Outcome:
    factors = structured.butterfly_factors(bsize)
    count = min(count, len(factors))
    made = structured.product(factors[len(factors) - count :])
    whole = structured.project(structured.product(factors)).error
    error = structured.project(made).error
    filled = int((made != 0).sum())
    half = len(factors) // 2
    kind = f"block-diagonal with blocks of {2**count}" if count < len(factors) else "dense"
    finding = f"The product of the last {count} of {len(factors)} factors is {kind}, with {filled:,} of {bsize**2:,} entries."
    left = structured.product(factors[:half])
    return Outcome(
        pictures=(
            Picture(
                pictures.heat_figure((made != 0).tolist(), diverging=False),
                finding,
                f"last {count} factors: pattern",
            ),
            Picture(
                pictures.heat_figure((left != 0).tolist(), diverging=False),
                f"The product L' of the first {half} factors has diagonal blocks everywhere.",
                f"L′, the first {half} factors: pattern",
            ),
        ),
        finding=finding,
        quantities=(
            Quantity(
                "distance to Monarch, this product", f"{error:.1e}", "Relative error of the projection."
            ),
            Quantity(
                "distance to Monarch, all of B",
                f"{whole:.1e}",
                "Zero but for rounding: B is a Monarch matrix.",
            ),
            Quantity("parameters of B", f"{2 * bsize * len(factors):,}", "2 n log₂ n."),
            Quantity("of Monarch", f"{structured.parameters(bsize):,}", "2 n √n."),
        ),
    )


def _pixelfly(grid: int, pfactors: int, rank: int) -> Outcome:
    mask = structured.pixelfly(grid, pfactors)
    n = 1024
    block = n // grid
    density = float(mask.double().mean())
    stored = int(mask.sum()) * block**2 + 2 * n * rank
    finding = (
        f"{int(mask.sum())} of {grid**2} blocks are kept, a share ({pfactors} + 1)/{grid} = {density:.1%}; with rank {rank} "
        f"beside it a layer of 1,024 × 1,024 stores {stored / n**2:.1%} of the dense one."
    )
    return Outcome(
        pictures=(
            Picture(
                pictures.heat_figure(mask.tolist(), diverging=False), finding, f"blocks of {block} × {block}"
            ),
        ),
        finding=finding,
        quantities=(
            Quantity("density of the mask", f"{density:.2%}"),
            Quantity("parameters of its blocks", f"{int(mask.sum()) * block**2:,}"),
            Quantity("of the low rank", f"{2 * n * rank:,}", "2 n r."),
            Quantity("of a Monarch matrix", f"{structured.parameters(n):,}"),
        ),
    )


def _training(result: LongResult) -> Outcome:
    rows = {row[0]: row for row in result.values["rows"]}
    columns = list(zip(*result.values["rows"], strict=True))
    monarch, dense, narrow = rows["monarch"], rows["dense"], rows["narrow"]
    difference = monarch[3] - dense[3]
    stderr = (monarch[4] ** 2 + dense[4] ** 2) ** 0.5
    verdict = "less than" if abs(difference) <= 2 * stderr else "more than"
    speed = result.values["speed"]
    said = "; ".join(
        f"n = {int(n):,}: {dense_ms:.3g} against {own_ms:.3g} ms, {ratio:.2f} ± {error:.2f} times as fast"
        for n, dense_ms, own_ms, ratio, error in speed
    )
    return Outcome(
        pictures=(
            Picture(
                pictures.accuracy_figure(result.values["rows"]),
                f"Monarch reaches {monarch[3]:.1%} with {monarch[1]:,} parameters, dense {dense[3]:.1%} with {dense[1]:,}.",
            ),
        ),
        finding=(
            f"With {monarch[1] / dense[1]:.1%} of the parameters the Monarch network reaches {monarch[3]:.1%} ± {monarch[4]:.1%}, "
            f"the dense one {dense[3]:.1%} ± {dense[4]:.1%}: {verdict} two standard errors apart. A dense layer of "
            f"as few parameters reaches {narrow[3]:.1%} ± {narrow[4]:.1%}. Projected, the dense one falls to "
            f"{rows['projected'][3]:.1%} and is trained back to {rows['tuned'][3]:.1%}. Measured product of 100 vectors, "
            f"{said}."
        ),
        quantities=(
            Quantity("multiplications an image", f"{monarch[2]:,} against {dense[2]:,}"),
            *(
                Quantity(
                    f"speed, n = {int(n):,}",
                    f"{ratio:.2f} ± {error:.2f} ×",
                    "Time of the dense product over that of Monarch, mean of turns, on this machine.",
                )
                for n, _, _, ratio, error in speed
            ),
            Quantity(
                "error of the projection",
                f"{result.values['error'][0]:.1%} ± {result.values['error'][1]:.1%}",
                "‖A − M‖_F / ‖A‖_F of the trained dense layer; ± over the seeds.",
            ),
        ),
        table={
            "way": [pictures.WAY_WORDS[name] for name in columns[0]],
            "parameters": columns[1],
            "multiplications": columns[2],
            "test accuracy": [f"{value:.2%}" for value in columns[3]],
            "± standard error over seeds": [f"{value:.2%}" for value in columns[4]],
        },
    )


LESSON = Lesson(
    number=13,
    title="Structured matrices",
    question="Can a layer have far fewer parameters, and still be fast on hardware that likes dense blocks?",
    goals=(
        "Multiply by a Monarch matrix with two batches of small products and a transpose.",
        "Project a dense matrix onto Monarch matrices by singular value decompositions of its slices.",
        "Explain why every butterfly of 4^q rows is a Monarch matrix.",
        "Compare a network with a Monarch layer with a dense one in accuracy, parameters, products and time.",
    ),
    minutes=60,
    parts=(
        Text(
            "A dense layer multiplies by an $n \\times n$ matrix: $n^2$ parameters, $n^2$ multiplications a vector. A "
            "**structured matrix** is built from fewer numbers. A *sparse* one with zeros anywhere saves memory but "
            "little time, because hardware multiplies dense blocks best. A **Monarch matrix** is the product of two "
            "*block-diagonal* matrices with a permutation around one of them. Let $n = m^2$, and write a vector as an "
            "$m \\times m$ matrix, row by row:"
        ),
        Experiment(
            key="permuting",
            title="Rows, transpose, rows, transpose",
            try_this="Follow one entry through **Stage**: which entries does it reach after each step?",
            controls=(
                Choice("stage", "Stage", _STAGES, "R", _STAGE_WORDS),
                Slider("m", "Blocks m", 2, 6, 4),
                Slider("entry", "Entry followed", 1, 36, 6, help="Counted row by row; beyond m² the last."),
            ),
            compute=lambda stage, m, entry: _permuting(m, stage, entry),
        ),
        Text(
            "$$M = P\\,L\\,P^\\top R, \\qquad L = \\operatorname{diag}(L_1, \\dots, L_m), \\quad "
            "R = \\operatorname{diag}(R_1, \\dots, R_m).$$\n\n"
            "$R$ multiplies every row by its own block $R_k$; $P = P^\\top$ transposes; $L$ multiplies what were columns by "
            "blocks $L_j$; and $P$ transposes back. After $R$ an entry has reached its row, after $L$ everything: any output "
            "depends on any input. Two factors of $m$ blocks of $m \\times m$ make $2 m^3 = 2 n^{3/2}$ parameters. By "
            "entries, with row $(\\ell, j)$ and column $(k, i)$,\n\n"
            "$$M_{(\\ell, j),(k, i)} = L_j[\\ell, k]\\; R_k[j, i].$$"
        ),
        Notice(
            "Fix $j$ and $k$: what remains is a column $L_j[\\cdot, k]$ times a row $R_k[j, \\cdot]$. So every $m \\times m$ "
            "slice of a Monarch matrix has *rank 1*, and different slices share no number. All that follows comes from this."
        ),
        Code(
            "from explorer.lessons import structured\n\n"
            "left, right, x = structured.drawn_blocks(4)\n"
            "M = structured.monarch(left, right)\n"
            "fast = structured.multiply(left, right, x[None])[0]\n"
            "print('same product:', bool((M @ x - fast).abs().max() < 1e-12))\n"
            "print('parameters:', left.numel() + right.numel(), 'of', M.numel())"
        ),
        Exercise(
            id="13.1",
            prompt="A layer maps the 784 pixels of an image to 784 hidden values. How many parameters has it as a Monarch "
            "matrix, without biases?",
            answer=Number(
                lambda: structured.parameters(784),
                traps=(
                    Trap(784 * 784, "That is the dense matrix."),
                    Trap(28**3, "That is one of the two factors."),
                    Trap(2 * 784 * 784, "Outside their blocks L and R are zero; count the blocks' entries."),
                ),
            ),
            hints=("m = √784 = 28.", "Each factor has m blocks of m × m."),
            solution="$2 \\cdot 28^3 = 43{,}904$, which is $2/m = 7.1\\,\\%$ of $784^2 = 614{,}656$.",
            code="answer = 2 * 28 ** 3",
        ),
        Exercise(
            id="13.2",
            prompt="P with m = 3 maps $[x_1, \\dots, x_9]$ to which order? Give the nine indices.",
            answer=Numbers(
                lambda: (structured.permutation(3) @ structured.counted(9)).tolist(),
                traps=(
                    Trap((1, 2, 3, 4, 5, 6, 7, 8, 9), "That is the identity; P transposes the 3 × 3 matrix."),
                    Trap(
                        (9, 8, 7, 6, 5, 4, 3, 2, 1),
                        "That is the order reversed; P transposes the 3 × 3 matrix.",
                    ),
                    Trap((1, 3, 5, 7, 9, 2, 4, 6, 8), "The stride is m = 3, not 2."),
                ),
            ),
            hints=("Write 1 to 9 into a 3 × 3 matrix row by row.", "Read it column by column."),
            solution="$1, 4, 7, 2, 5, 8, 3, 6, 9$. Doing it twice gives the old order, so $P = P^\\top = P^{-1}$.",
            code="answer = [1 + row * 3 + column for column in range(3) for row in range(3)]",
        ),
        Text(
            "## The nearest Monarch matrix\n\n"
            "A trained layer is a dense matrix $A$. Which Monarch matrix is nearest in the Frobenius norm? The squared "
            "distance is a sum over slices, and the slices are free of one another, so each is solved by itself: the best "
            "rank-1 matrix of a slice is $\\sigma_1 u_1 v_1^\\top$ of its **singular value decomposition** (SVD), and "
            "$\\sqrt{\\sigma_1}$ goes to both factors. What is left out is known exactly,\n\n"
            "$$\\|A - M\\|_F^2 = \\sum_{j,k} \\sum_{r \\ge 2} \\sigma_r(A_{jk})^2.$$\n\n"
            "With the first $r$ singular values of each slice it becomes a sum of $r$ Monarch matrices."
        ),
        Experiment(
            key="projection",
            title="A dense matrix, projected",
            try_this="Compare **Hadamard** with **Fourier**, then permute Fourier's columns. Where does low rank win?",
            controls=(
                Choice("matrix", "Matrix A, 64 × 64", structured.MATRICES, "conv", _MATRIX_WORDS),
                Slider("terms", "Monarch matrices added up", 1, 8, 1),
            ),
            compute=lambda matrix, terms: _projection(matrix, terms),
        ),
        Notice(
            "Hadamard's matrix is exactly a Monarch matrix, and so is Fourier's once its columns are permuted by $P$: the "
            "first step of the fast Fourier transform. A random matrix has no structure to find: keeping its largest "
            "entries is nearer than any of the two, but says nothing of where they are, and runs slowly."
        ),
        Exercise(
            id="13.3",
            prompt="A slice of a 4 × 4 matrix (m = 2) is $\\begin{pmatrix} 3 & 0 \\\\ 0 & 4 \\end{pmatrix}$, and the other "
            "three are zero. What is $\\|A - M\\|_F$ for the nearest Monarch matrix?",
            answer=Number(
                lambda: structured.nearest_distance(((3.0, 0.0), (0.0, 4.0))),
                tolerance=0.001,
                traps=(
                    Trap(4.0, "That is what is kept: the largest singular value."),
                    Trap(5.0, "That is the norm of A itself; a rank-1 part of it can be kept."),
                    Trap(9.0, "That is the squared distance."),
                ),
            ),
            hints=("The singular values are 3 and 4.", "Rank 1 keeps the largest."),
            solution="The singular values are 4 and 3; the best rank-1 matrix keeps 4, and 3 is left out: the distance is 3.",
            code="answer = 3",
        ),
        Text(
            "## The butterfly inside\n\n"
            "A **butterfly matrix** is the product of $\\log_2 n$ sparse factors, as in the fast Fourier transform: the "
            "factor of stride $s$ couples only entries whose places differ by $s$ in one binary digit, two in each row. Let "
            "$n = 4^q$. The last half of the factors couples within runs of $m = \\sqrt n$ entries: a block-diagonal $R$. "
            "The first half couples places a multiple of $m$ apart: $L'$, an $m \\times m$ grid of *diagonal* blocks, which "
            "$P$ makes block-diagonal, $L = P L' P^\\top$. So $B = P^\\top L P R$: every butterfly is a Monarch matrix."
        ),
        Experiment(
            key="butterfly",
            title="Factors, multiplied up",
            try_this="Multiply factors one by one. When is the product block-diagonal with blocks of √n?",
            controls=(
                Choice("bsize", "n", (16, 64), 16),
                Slider("count", "Factors, from the last", 1, 6, 2, help="No more than log₂ n."),
            ),
            compute=lambda bsize, count: _butterfly(bsize, count),
        ),
        Exercise(
            id="13.4",
            prompt="Every butterfly is a Monarch matrix. Is every Monarch matrix a butterfly?",
            answer=OneOf(
                "No: a Monarch matrix has more parameters, and its blocks are any dense ones",
                {
                    "Yes: both are products of sparse factors with the same pattern of entries": "The blocks of a Monarch "
                    "matrix are free; those inside a butterfly are products of factors with two entries a row.",
                    "Yes: the projection of a Monarch matrix onto Monarch matrices is itself": "True, but it says nothing "
                    "about butterflies.",
                    "No: a Monarch matrix cannot have zeros": "It can; its blocks may be anything.",
                },
            ),
            hints=("Compare 2 n log₂ n with 2 n √n at n = 64.",),
            solution="A butterfly has $2 n \\log_2 n$ numbers, Monarch $2 n \\sqrt n$: at $n = 64$, 768 and 1,024. A dense "
            "$8 \\times 8$ block is in general no product of three factors with two entries a row.",
            code='answer = "No: a Monarch matrix has more parameters, and its blocks are any dense ones"',
        ),
        Text(
            "## Pixelfly: a butterfly as a mask\n\n"
            "*Pixelated butterfly* keeps the butterfly's pattern and drops the product: a **mask** of blocks on an "
            "$s \\times s$ grid, the union (*flat*) of the first $k$ factors, a share $(k + 1)/s$ of all blocks, and a "
            "matrix of low rank beside it. A mask that is fixed from the start needs no search during training."
        ),
        Experiment(
            key="pixelfly",
            title="Pixelfly's mask",
            try_this="Add factors. How does the mask's share grow, and what does the low rank cost?",
            controls=(
                Choice("grid", "Blocks a side, s", (8, 16, 32, 64), 32),
                Slider("pfactors", "Factors k", 0, 3, 2),
                Slider("rank", "Rank r beside it", 0, 64, 16, step=8),
            ),
            compute=lambda grid, pfactors, rank: _pixelfly(grid, pfactors, rank),
        ),
        Exercise(
            id="13.5",
            prompt="What share of the blocks has a mask on a 64 × 64 grid with k = 3?",
            answer=Number(
                lambda: float(structured.pixelfly(64, 3).double().mean()),
                tolerance=0.0005,
                traps=(
                    Trap(3 / 64, "The diagonal is in every factor, and counts once: k + 1."),
                    Trap(6 / 64, "The factors share the diagonal: it counts once."),
                    Trap(8 / 64, "That would be the product of the factors; the mask is their union."),
                ),
            ),
            hints=("In each row: the diagonal block, and one more a factor.",),
            solution="$(3 + 1)/64 = 6.25\\,\\%$.",
            code="answer = (3 + 1) / 64",
        ),
        Long(
            key="training",
            title="A network with a Monarch layer",
            words="784 pixels, 784 hidden values, 10 classes: the first layer is dense, or a Monarch matrix that is trained "
            "from the start (*end to end*), or the dense one projected and then trained on (*dense to sparse*). The control "
            "is a dense layer so narrow that it has as many parameters as Monarch. The projected one is trained for as many epochs once more, so twice in all. An image is 28 × 28, so $R$ mixes every "
            "row of pixels and $L$ every column. Adam with a step of 0.0012; seeds give start and order.",
            study="fashion-thin",
            controls=(
                Slider("images", "Training images", 1000, 10000, 2000, step=1000),
                Slider("epochs", "Epochs", 1, 20, 4),
                Slider("seeds", "Seeds", 2, 8, 2),
            ),
            question=lambda images, epochs, seeds: longs.question(
                "structured:training", images=images, epochs=epochs, seeds=seeds
            ),
            draw=_training,
            takes="half a minute",
        ),
        InTheApp("model", "See which layers of a network hold its parameters and its multiplications"),
        Sources(
            (
                Source(
                    "Riccietti and Mary, Neural Networks compression (lecture)", "“Structured sparsification”"
                ),
                Source(
                    "Dao et al., Monarch: Expressive Structured Matrices for Efficient and Accurate Training",
                    "definition 3.1, theorem 1 and appendix A",
                    "https://arxiv.org/abs/2204.00595",
                ),
                Source(
                    "Dao et al., Pixelated Butterfly: Simple and Efficient Sparse Training for Neural Network Models",
                    "section 3",
                    "https://arxiv.org/abs/2112.00029",
                ),
            )
        ),
    ),
)
