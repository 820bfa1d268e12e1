"""Lesson 7: second order."""

import numpy as np

from explorer.course.answers import Number, Numbers, OneOf, Trap
from explorer.course.controls import Again, Choice, Slider
from explorer.course.parts import (
    Code,
    Exercise,
    Experiment,
    InTheApp,
    Lesson,
    Long,
    Notice,
    Source,
    Sources,
    Text,
)
from explorer.course.second_order import deleting, estimating, ranking
from explorer.lessons import second_order
from explorer.lessons.common import longs, material
from explorer.plans.plan.published import TABLE_VI

_NETWORKS = (material.QUICK, material.USUAL)
_NETWORK_WORDS = {material.QUICK: "thin ResNet-20", material.USUAL: "ResNet-20"}
_TWO = np.array([[3.0, 1.0], [1.0, 2.0]])

LESSON = Lesson(
    number=7,
    title="Second order",
    question="Which weights may be changed, and how do we know before changing them?",
    goals=(
        "Compute the saliency of a weight, and say when its prediction is exact.",
        "Explain why a small weight is not always a cheap one.",
        "Say what Lemma 1 of HAWQ-V2 claims, and tell the mean trace from the largest eigenvalue.",
        "Estimate a trace from products with random vectors, and say how sure the estimate is.",
        "Explain why the data limit that estimate, and not the random vectors.",
    ),
    minutes=75,
    terms=(
        "hessian",
        "trace",
        "mean-trace",
        "hutchinson",
        "eigenvalue",
        "perturbation",
        "omega",
        "importance-sampling",
        "gauss-newton",
    ),
    parts=(
        Text(
            "Pruning, quantizing and rounding all do one thing: they move the weights of a trained network, from $w$ to "
            "$w + d$. At a trained network the gradient is zero, or nearly so, and what remains of the Taylor expansion is "
            "*second order*:\n\n$$L(w + d) - L(w) \\approx \\tfrac12\\, d^\\top H d, \\qquad "
            "H_{jk} = \\frac{\\partial^2 L}{\\partial w_j\\, \\partial w_k}.$$\n\n"
            "The matrix $H$ is the [Hessian](glossary#hessian): its diagonal says how steeply the loss curves along one "
            "weight, the rest how weights act together. A loss $L$ is measured in [nats](glossary#nat), the natural logarithm of a "
            "probability. **Optimal Brain Damage** deletes weights one by one: $d = -w_k e_k$."
        ),
        Experiment(
            key="oracle",
            title="Deleting weights of a bowl",
            try_this="Delete more weights. Then let the curvatures be alike (0 decades): who wins now? Last, couple them.",
            controls=(
                Slider("deleted", "Weights deleted, of 60", 1, 59, 30),
                Slider("decades", "Curvatures spread over", 0, 5, 3, unit="decades"),
                Slider("coupling", "Coupling of the weights", 0.0, 0.9, 0.0, 0.1),
                Again("draw", "Another bowl"),
            ),
            compute=lambda deleted, decades, coupling, draw: deleting.oracle(
                decades, coupling, deleted, draw
            ),
        ),
        Text(
            "The price of weight $k$ is its **saliency**\n\n$$s_k = \\tfrac12\\, H_{kk}\\, w_k^2.$$\n\n"
            "It asks for a small weight *or* a flat direction. *Magnitude* asks for a small weight only. Deleting several, "
            "OBD adds their saliencies, which leaves out $H_{jk} w_j w_k$ of every two: it takes $H$ as **diagonal**. "
            "The pictures are those of the paper and the lecture: predicted against true rise, and the objective against "
            "the number of weights kept."
        ),
        Notice(
            "Without coupling the two rises lie on the line of equality whatever the order is, since the loss is exactly "
            "quadratic and H exactly diagonal. With all curvatures alike both rules give the same order. With coupling the "
            "points leave the line: by less than one would fear while few weights are gone, by far when many are."
        ),
        Exercise(
            id="7.1",
            prompt="Three weights $w = (0.1,\\; 2,\\; -0.5)$ have the curvatures $H_{kk} = (100,\\; 0.1,\\; 4)$. What are their "
            "three saliencies?",
            answer=Numbers(
                lambda: second_order.saliencies(np.array([100, 0.1, 4]), np.array([0.1, 2, -0.5])).tolist(),
                tolerance=0.001,
                traps=(
                    Trap((1.0, 0.4, 1.0), "The Taylor expansion has a factor ½."),
                    Trap((5.0, 0.1, -1.0), "The weight comes squared: H d is multiplied with d again."),
                    Trap((0.1, 2.0, 0.5), "These are the magnitudes; the curvature is missing."),
                ),
            ),
            hints=("Put d = −w_k e_k into ½ d·Hd.", "The sign of a weight plays no part."),
            solution="$\\tfrac12 \\cdot 100 \\cdot 0.01 = 0.5$, $\\tfrac12 \\cdot 0.1 \\cdot 4 = 0.2$, "
            "$\\tfrac12 \\cdot 4 \\cdot 0.25 = 0.5$. The *largest* weight is the cheapest to delete.",
            code="answer = [0.5 * h * w**2 for h, w in ((100, 0.1), (0.1, 2), (4, -0.5))]",
        ),
        Experiment(
            key="layer",
            title="A real layer",
            try_this="Delete weights of the classifier of a trained network. How far does the prediction hold?",
            controls=(Slider("gone", "Weights deleted, of 200", 1, 199, 60),),
            compute=deleting.layer,
        ),
        Text(
            "This is the last layer of the thin ResNet-20: softmax regression on its 20 inputs $x$. With $p$ the network's "
            "probabilities, its Hessian is known in full, and the diagonal costs one forward pass:\n\n"
            "$$H = \\frac1N \\sum_n \\bigl(\\operatorname{diag} p_n - p_n p_n^\\top\\bigr) \\otimes x_n x_n^\\top, \\qquad "
            "H_{(c,j),(c,j)} = \\frac1N \\sum_n p_{n,c}\\,(1 - p_{n,c})\\, x_{n,j}^2.$$"
        ),
        Notice(
            "The loss is not quadratic, H is not diagonal and the gradient over these images is not quite zero. While few weights "
            "are gone that gradient decides, and both rules cost next to nothing. Then saliency keeps the loss lower for a "
            "while, until so few weights are left that a prediction for small changes means nothing. Its *sum* is another "
            "matter: watch where the curve leaves the line of equality."
        ),
        Long(
            key="pruning",
            title="The whole network, by saliency and by magnitude",
            words="The curvature of all 26,345 weights is found from training images, the least weights are deleted from all "
            "layers together, and the network is measured. Nothing is trained again, which OBD would do after every few.",
            study=material.QUICK,
            controls=(
                Slider("test_images", "Test images", 200, 2000, 200, 200),
                Slider("samples", "Images for the curvature", 64, 512, 64),
            ),
            question=lambda test_images, samples: longs.question(
                "second_order:pruning", images=test_images, samples=samples
            ),
            draw=deleting.pruned,
            takes="half a minute",
        ),
        Notice(
            "Whichever rule wins, compare the predicted rise with the true one. Deleting thousands of weights at once is far from "
            "a small change: terms beside the diagonal add up, and the curvature of every single weight is itself estimated "
            "from few images. OBD deletes some, trains, and computes the saliencies anew. More images for the curvature say "
            "how much of the difference was noise."
        ),
        Text(
            "## From weights to blocks\n\nQuantizing moves *all* weights of a layer. **HAWQ** ranks the blocks of a network "
            "by the largest [eigenvalue](glossary#eigenvalue) $\\lambda_i$ of each block's Hessian $H_i$: "
            "$S_i = \\lambda_i / n_i$, with $n_i$ its number of weights, orders the bits; "
            "$\\Omega_i = \\lambda_i \\lVert Q(W_i) - W_i \\rVert^2$ orders the fine-tuning. **HAWQ-V2** takes the "
            "[mean trace](glossary#mean-trace) in place of the eigenvalue,\n\n"
            "$$\\Omega = \\sum_i \\overline{\\operatorname{Tr}}(H_i)\\, \\lVert Q(W_i) - W_i \\rVert_2^2, \\qquad "
            "\\overline{\\operatorname{Tr}}(H_i) = \\operatorname{Tr}(H_i) / n_i.$$"
        ),
        Experiment(
            key="ranking",
            title="The blocks of a real network, ranked",
            try_this="Compare the rules. Where do λ and the mean trace disagree, and what does the error ‖Q(W) − W‖² add?",
            controls=(
                Choice("network", "Network", _NETWORKS, material.USUAL, _NETWORK_WORDS),
                Choice("rule", "Ranked by", tuple(ranking.RULES), "eigenvalue-error", ranking.RULES),
                Slider("width", "Bits b", 2, 8, 4),
            ),
            compute=ranking.ranking,
        ),
        Notice(
            "These eigenvalues and traces were computed by this project's own command and ship with the networks; the rest "
            "is computed as you move. The spread is of two orders and more, which is what makes mixed precision worth "
            "while. Small early layers are the most sensitive *per weight*."
        ),
        Experiment(
            key="table",
            title="HAWQ's plan for ResNet-20 (Table VI)",
            try_this="Click a block and give it other bits. Which blocks decide the compression?",
            controls=(
                Choice("part", "Block", tuple(TABLE_VI), "layer3.2", clicked=True),
                Slider("to", "Bits of the block", 2, 8, 4),
            ),
            compute=lambda part, to: ranking.table_vi(part, to),
        ),
        Exercise(
            id="7.2",
            prompt="What compression does Table VI reach, FP32 size over size? Use the table under the picture (published bits: "
            "8, 6, 6, 8, 3, 3, 3, 2, 2, 2, 3).",
            answer=Number(
                ranking.compression,
                tolerance=0.02,
                traps=(
                    Trap(
                        32 * len(TABLE_VI) / sum(bits for _, bits, _ in TABLE_VI.values()),
                        "That is 32 over the mean of the eleven widths; blocks count by their weights.",
                    ),
                    Trap(
                        sum(n * bits for n, bits, _ in TABLE_VI.values())
                        / sum(n for n, _, _ in TABLE_VI.values()),
                        "That is the mean number of bits a weight; FP32 has 32 of them.",
                    ),
                ),
            ),
            hints=("Weigh the bits of every block by its number of weights.",),
            solution="$\\sum n_i b_i = 655{,}104$ bits, $32 \\sum n_i = 8{,}586{,}752$ bits, so the compression is $13.11$.",
            code="from explorer.plans.plan.published import TABLE_VI\n\n"
            "weights = sum(n for n, _, _ in TABLE_VI.values())\n"
            "answer = 32 * weights / sum(n * bits for n, bits, _ in TABLE_VI.values())",
        ),
        Text(
            "## Why the trace? Lemma 1\n\nThe eigenvalue knows the steepest direction only. Which way quantization moves the "
            "weights is not known, so HAWQ-V2 asks for the mean over directions. **Lemma 1**: if $d$ has parts of equal size "
            "along all eigenvectors of $H$, then\n\n$$\\tfrac12\\, d^\\top H d = \\tfrac12\\, \\lVert d \\rVert^2 \\; "
            "\\frac{\\operatorname{Tr}(H)}{n},$$\n\nand the same holds in expectation for a $d$ of independent parts with "
            "mean zero. The paper's example: $F_1 = 100 x^2 + y^2$ and $F_2 = 100 x^2 + 99 y^2$."
        ),
        Experiment(
            key="bowls",
            title="Two bowls of the same steepest curvature",
            try_this="Shape your bowl and turn it. Then turn d: when is the first bowl the more expensive one?",
            controls=(
                Slider("own", "Your smaller curvature", 0, 100, 60),
                Slider("turned", "Your bowl turned by", 0, 90, 20, 5, unit="°"),
                Slider("small", "The first bowl's smaller curvature", 0, 100, 1),
                Slider("angle", "Direction of d", 0, 180, 60, 5, unit="°"),
            ),
            compute=lambda own, turned, small, angle: estimating.bowls(small, own, turned, angle),
        ),
        Notice(
            "Turning a bowl moves its curve along the axis and leaves its mean alone: the trace does not depend on the axes. "
            "At 45° to the eigenvectors both parts of d are equal and the curve crosses its mean. In a single direction "
            "either bowl can be the more expensive one: the trace is right about the mean, not about every change."
        ),
        Exercise(
            id="7.3",
            prompt="What are the mean traces of the Hessians of $F_1 = 100x^2 + y^2$ and $F_2 = 100x^2 + 99y^2$?",
            answer=Numbers(
                lambda: [np.trace(np.diag([200.0, 2.0])) / 2, np.trace(np.diag([200.0, 198.0])) / 2],
                tolerance=0.01,
                traps=(
                    Trap((202, 398), "These are the traces; divide by the two variables."),
                    Trap((50.5, 99.5), "The second derivative of 100x² is 200, not 100."),
                    Trap((200, 200), "That is the largest eigenvalue of each, which cannot tell them apart."),
                ),
            ),
            hints=("Write down the second derivatives first.",),
            solution="$H_1 = \\operatorname{diag}(200, 2)$ and $H_2 = \\operatorname{diag}(200, 198)$: mean traces 101 and 199, "
            "with the same largest eigenvalue 200.",
            code="answer = [(200 + 2) / 2, (200 + 198) / 2]",
        ),
        Text(
            "## Measuring a trace\n\nNobody writes $H$ out: a layer of a million weights would need a million million numbers. "
            "But $Hz$ for a vector $z$ costs about two gradients, and with random $z$ of independent parts, mean zero and "
            "variance one, $\\mathbb E\\, z z^\\top = I$, so ([Hutchinson](glossary#hutchinson))\n\n"
            "$$\\operatorname{Tr}(H) = \\mathbb E\\; z^\\top H z \\approx \\frac1m \\sum_{j=1}^m z_j^\\top H z_j.$$\n\n"
            "One draw has the variance $2\\bigl(\\lVert H \\rVert_F^2 - \\sum_i H_{ii}^2\\bigr)$ with random signs "
            "(*Rademacher*), and $2 \\lVert H \\rVert_F^2$ with normal numbers."
        ),
        Experiment(
            key="hutchinson",
            title="A trace as it is estimated",
            try_this="Draw more, and again. Then take the diagonal matrix: what do random signs do there?",
            controls=(
                Slider("draws", "Draws m", 2, 500, 50),
                Choice(
                    "probe",
                    "Random vector",
                    ("rademacher", "gaussian"),
                    "gaussian",
                    {"rademacher": "signs", "gaussian": "normal"},
                ),
                Choice(
                    "which",
                    "Matrix",
                    ("layer", "diagonal"),
                    "layer",
                    {"layer": "the last layer's H", "diagonal": "its diagonal"},
                ),
                Again("again", "Draw again"),
            ),
            compute=estimating.hutchinson,
        ),
        Exercise(
            id="7.4",
            prompt="For $H = \\begin{pmatrix} 3 & 1 \\\\ 1 & 2 \\end{pmatrix}$ and random signs $z$, what is the variance of one "
            "$z^\\top H z$?",
            answer=Number(
                lambda: second_order.deviation(_TWO, "rademacher") ** 2,
                tolerance=0.01,
                traps=(
                    Trap(
                        30.0,
                        "That is for normal numbers; with signs the diagonal adds nothing, since z_i² = 1.",
                    ),
                    Trap(
                        2.0,
                        "That is the standard deviation, or the squared entries beside the diagonal without the factor 2.",
                    ),
                    Trap(5.0, "That is the trace, which is the mean of the draws."),
                ),
            ),
            hints=("z has four possible values. What is z·Hz for each?",),
            solution="$z^\\top H z = 3 + 2 + 2 z_1 z_2$ is 7 or 3, each half of the time: mean 5, variance 4. By the formula, "
            "$2\\,(9 + 1 + 1 + 4 - 9 - 4) = 4$.",
            code="import numpy as np\n\nH = np.array([[3, 1], [1, 2]])\n"
            "answer = np.var([np.array(z) @ H @ z for z in ((1, 1), (1, -1), (-1, 1), (-1, -1))])",
        ),
        Text(
            "## Why 512 points can mislead\n\nThe Hessian is a mean over data, too, and papers take a few hundred points. For a "
            "classifier an image's own curvature grows with how *unsure* the network is of it: over the outputs, and so over "
            "the last layer's biases, its trace is $1 - \\lVert p_n \\rVert^2$, which is nearly 0 for an image that the network "
            "is sure of. After training that is nearly all of them."
        ),
        Experiment(
            key="points",
            title="Who carries the trace",
            try_this="Draw 512 images, again and again. How many would you need for 2 %?",
            controls=(
                Slider("count", "Images of an estimate", 16, 4096, 512, 16),
                Choice("trained", "Network", _NETWORKS, material.USUAL, _NETWORK_WORDS),
                Again("redraw", "Draw again"),
            ),
            compute=lambda count, trained, redraw: estimating.points(trained, count, redraw),
        ),
        Notice(
            "More random vectors do not help: they average over directions, and the few images that matter are in the sample "
            "or they are not. Drawing images in proportion to a *guess* of their curvature, and weighing them back, does "
            "([importance sampling](glossary#importance-sampling)). Here the guess is perfect. The app guesses "
            "$1 - \\lVert p_n \\rVert^2$ for every layer, from one forward pass, which helps nearly as much. Over the weights of "
            "a layer the curvature is more uneven still, since $\\lVert x_n \\rVert^2$ multiplies it. (The images' figures ship "
            "with the network.)"
        ),
        Exercise(
            id="7.5",
            prompt="512 images drawn uniformly leave a relative standard error of 25 %. How many are needed for 5 %?",
            answer=Number(
                lambda: 512 * (0.25 / 0.05) ** 2,
                tolerance=1,
                traps=(
                    Trap(
                        2560,
                        "The error falls with the square *root* of the number: five times less takes more than five times as many.",
                    ),
                    Trap(10240, "25 % to 5 % is a factor 5, which is to be squared."),
                ),
            ),
            hints=("The standard error of a mean is proportional to 1/√n.",),
            solution="$512 \\cdot (25/5)^2 = 12{,}800$.",
            code="answer = 512 * (25 / 5) ** 2",
        ),
        Exercise(
            id="7.6",
            prompt="512 images were drawn once and 10,000 random vectors used on them. What does the standard error over the "
            "random vectors say?",
            answer=OneOf(
                "How well the trace over these 512 images is known, and nothing of the other images",
                {
                    "How well the trace over all images is known": "Then drawing other images would give the same number; the "
                    "histogram above shows that it does not.",
                    "How well the largest eigenvalue is known": "Random vectors average over all directions, the steepest "
                    "among them with no special weight.",
                    "Nothing, since random signs have no error": "That is so for a diagonal matrix only.",
                },
            ),
            hints=("Which of the two draws, of images or of vectors, was repeated?",),
            solution="The error over the vectors covers the vectors. An honest error draws new images together with every new "
            "vector, as the app does.",
            code='answer = "How well the trace over these 512 images is known, and nothing of the other images"',
        ),
        Code(
            "import torch\nfrom explorer.lessons import second_order\n\n"
            "head = second_order.head()          # the last layer, on training images\n"
            "H = head.hessian()\n"
            "z = torch.randint(2, (1000, len(H)), generator=torch.Generator()) * 2.0 - 1\n"
            "draws = torch.einsum('mi,ij,mj->m', z.double(), H, z.double())\n"
            "print('trace', float(H.trace()), 'estimate', float(draws.mean()), '±', float(draws.std() / 1000**0.5))"
        ),
        InTheApp("sensitivity", "Traces and eigenvalues of every block, with their errors", material.USUAL),
        Sources(
            (
                Source(
                    "Riccietti and Mary, Neural Networks compression (lecture)",
                    "“Pruning”: Optimal Brain Damage",
                ),
                Source("LeCun, Denker and Solla, Optimal Brain Damage", "equations 3 to 5, figures 1 and 2"),
                Source("Dong et al., HAWQ", "section 3 and Table VI", "https://arxiv.org/abs/1905.03696"),
                Source(
                    "Dong et al., HAWQ-V2",
                    "section 2.2, Lemma 1, equation 10",
                    "https://arxiv.org/abs/1911.03852",
                ),
                Source("Hutchinson, A stochastic estimator of the trace of the influence matrix (1989)"),
                Source(
                    "Martens, New insights and perspectives on the natural gradient method",
                    "section 8",
                    "https://arxiv.org/abs/1412.1193",
                ),
            )
        ),
    ),
)
