"""What the terms on the pages mean, in the order in which a reader needs them, and the papers they come from."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Paper:
    """Where a term comes from."""

    short: str  # as pages cite it
    title: str
    year: int
    arxiv: str | None = None

    @property
    def line(self) -> str:
        """Title and number in one line; nothing is loaded from there until it is clicked."""
        where = f", [arXiv {self.arxiv}](https://arxiv.org/abs/{self.arxiv})" if self.arxiv else ""
        return f"**{self.short}**: *{self.title}*, {self.year}{where}"


@dataclass(frozen=True)
class Term:
    """An entry of the glossary: one or two plain sentences, and where they come from.

    Attributes:
        paper: key of the paper.
        place: in the paper: "section 3.1".
    """

    name: str
    meaning: str
    paper: str | None = None
    place: str = ""


PAPERS: Mapping[str, Paper] = {
    "hawq": Paper(
        "HAWQ", "Hessian AWare Quantization of Neural Networks with Mixed-Precision", 2019, "1905.03696"
    ),
    "hawq-v2": Paper(
        "HAWQ-V2", "Hessian Aware trace-Weighted Quantization of Neural Networks", 2019, "1911.03852"
    ),
    "hawq-v3": Paper("HAWQ-V3", "Dyadic Neural Network Quantization", 2020, "2011.10680"),
    "lapq": Paper("LAPQ", "Loss Aware Post-training Quantization", 2019, "1911.07190"),
    "integer": Paper(
        "Jacob et al.",
        "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference",
        2017,
        "1712.05877",
    ),
    "ste": Paper(
        "Bengio et al.",
        "Estimating or Propagating Gradients Through Stochastic Neurons for Conditional Computation",
        2013,
        "1308.3432",
    ),
    "landscape": Paper("Li et al.", "Visualizing the Loss Landscape of Neural Nets", 2017, "1712.09913"),
    "pyhessian": Paper(
        "PyHessian", "PyHessian: Neural Networks Through the Lens of the Hessian", 2019, "1912.07145"
    ),
    "gauss-newton": Paper(
        "Martens", "New Insights and Perspectives on the Natural Gradient Method", 2014, "1412.1193"
    ),
    "hutchinson": Paper(
        "Hutchinson",
        "A Stochastic Estimator of the Trace of the Influence Matrix for Laplacian Smoothing Splines",
        1989,
    ),
    "aciq": Paper(
        "ACIQ", "Post training 4-bit quantization of convolutional networks for rapid-deployment", 2018, "1810.05723"
    ),
    "powell": Paper(
        "Powell",
        "An efficient method for finding the minimum of a function of several variables without calculating derivatives",
        1964,
    ),
}  # fmt: skip

TERMS: Mapping[str, Term] = {
    # what is decided
    "quantization": Term(
        "quantization",
        "Storing numbers with few bits: each is rounded to the nearest of a few evenly spaced values. It makes a network "
        "smaller and faster, and moves its weights a little.",
        "integer",
        "section 2.1",
    ),
    "bit-width": Term(
        "bit width",
        "How many bits a number gets. With b bits there are 2ᵇ values to round to: 256 with 8, 16 with 4, 4 with 2.",
    ),
    "fp32": Term(
        "FP32",
        "Floating-point numbers of 32 bits, in which networks are trained. The FP32 network is what a plan is compared "
        "with.",
    ),
    "block": Term(
        "block",
        "The unit that gets one bit width: a layer, or all layers of a residual block together.",
        "hawq",
        "section 3",
    ),
    "plan": Term(
        "plan",
        "A bit width for the weights, and one for the activations, of every block.",
    ),
    "mixed-precision": Term(
        "mixed precision",
        "Different bit widths in different blocks, so that the bits go where the loss needs them.",
        "hawq",
        "section 1",
    ),
    "activation": Term(
        "activation",
        "What a layer computes from a sample and hands to the next. Activations are quantized too, while the network runs.",
    ),
    # what it costs
    "mac": Term(
        "MAC",
        "Multiply-accumulate: one multiplication and one addition. A layer's MACs per sample measure how much it computes.",
    ),
    "bop": Term(
        "BOP",
        "Bit operation: a MAC counts as weight bits times activation bits. BOPs are a measure of compute that knows bit "
        "widths.",
        "hawq-v3",
    ),
    "compression": Term("compression", "The size of the FP32 weights divided by the size of the plan's."),
    "latency": Term("latency", "Measured time for one pass through the network on a device, block by block.", "hawq-v3"),
    # how much it matters
    "loss": Term(
        "loss",
        "The number that training makes small; here usually the cross-entropy between the network's answers and the "
        "right ones.",
    ),
    "nat": Term(
        "nat",
        "Unit of the cross-entropy when it is computed with natural logarithms; 1 nat is 1.44 bits of information.",
    ),
    "hessian": Term(
        "Hessian",
        "The matrix of all second derivatives of the loss over the weights: how the loss curves when weights move. It is "
        "never written out, only multiplied with vectors.",
        "hawq-v2",
        "section 2",
    ),
    "trace": Term(
        "trace",
        "The sum of a matrix's diagonal, which is the sum of its eigenvalues. The trace of a block's Hessian says how "
        "much the loss curves over all directions of its weights together.",
        "hawq-v2",
        "section 2.2",
    ),
    "mean-trace": Term(
        "mean trace",
        "The trace of a block's Hessian divided by its number of weights: the average curvature per weight. A block with "
        "a high mean trace needs more bits.",
        "hawq-v2",
        "section 2.2",
    ),
    "hutchinson": Term(
        "Hutchinson's estimator",
        "Estimates a trace from products of the matrix with random vectors, so that the matrix need not be written out.",
        "hutchinson",
    ),
    "gauss-newton": Term(
        "Gauss-Newton",
        "The part of the Hessian that comes from the loss's curvature at the network's outputs. For one layer of a "
        "network of convolutions and ReLU it is the whole Hessian, which makes traces cheap here.",
        "gauss-newton",
    ),
    "importance-sampling": Term(
        "importance sampling",
        "Drawing the samples that matter more often, and weighing them less. At a trained network one sample in a hundred "
        "carries most of the curvature, so that far fewer draws are needed.",
    ),
    "standard-error": Term(
        "standard error",
        "How far an estimate typically lies from the true value. Two estimates differ if their difference is more than "
        "about two of its standard errors.",
    ),
    "eigenvalue": Term(
        "eigenvalue",
        "The curvature along one of the Hessian's own directions, the eigenvectors. The largest says how steep the loss "
        "is in its steepest direction.",
        "hawq",
        "section 3",
    ),
    "spectral-density": Term(
        "spectral density",
        "How the eigenvalues are spread: for each value, the share of eigenvalues near it. Most lie near zero, a few far out.",
        "pyhessian",
        "section III-C",
    ),
    "loss-landscape": Term(
        "loss landscape",
        "The loss as a height over the weights. A picture shows it along a line or over a plane through the trained "
        "weights.",
        "landscape",
    ),
    "perturbation": Term(
        "perturbation ΔW",
        "What quantization does to the weights: the quantized ones minus the original ones. Its squared length ‖ΔW‖² is "
        "the quantization error.",
        "hawq-v2",
        "section 2.3",
    ),
    "omega": Term(
        "Ω, predicted damage",
        "How much a plan is expected to raise the loss: ΔWᵀHΔW, or what HAWQ-V2 puts in its place, mean Hessian trace "
        "times squared quantization error, summed over the blocks. Only comparisons of plans for one network, by one "
        "measure, mean something.",
        "hawq-v2",
        "section 2.3, eq. 10",
    ),
    # how a plan is found
    "frontier": Term(
        "frontier",
        "The plans that no other plan beats: every smaller one is predicted to do more damage. Also called the Pareto "
        "frontier.",
        "hawq-v2",
        "section 2.3",
    ),
    "set-b": Term(
        "set B, monotone plans",
        "HAWQ-V2's restriction: a more sensitive block never gets fewer bits than a less sensitive one. Few enough plans "
        "are left to look at all of them.",
        "hawq-v2",
        "section 2.3",
    ),
    "greedy": Term(
        "greedy",
        "Taking bits away one step at a time, each time where it costs least per byte saved. Quick, and not always the best.",
    ),
    # how numbers are rounded
    "step": Term(
        "step Δ, scale",
        "The distance between two neighbouring values of a quantizer. A large step clips little and rounds coarsely, a "
        "small one the other way round.",
        "lapq",
        "eq. 1",
    ),
    "calibration": Term(
        "calibration",
        "Choosing the steps of the activations from the values that a few samples produce.",
    ),
    "lp": Term(
        "L_p error",
        "The mean of |error| to the power p. LAPQ begins with the step that makes it least: a small p rounds finely, a "
        "large p avoids clipping.",
        "lapq",
        "section 4.1",
    ),
    "mmse": Term("MMSE", "The step with the least mean squared error, which is the L_p error with p = 2.", "lapq", "section 4.1"),
    "aciq": Term("ACIQ", "A step from a formula, for values that are spread like a Gaussian or a Laplace curve.", "aciq"),
    "lapq": Term(
        "LAPQ",
        "Chooses the steps of all quantizers together for the least loss of the whole network, in three phases, without "
        "training.",
        "lapq",
        "section 4",
    ),
    "powell": Term(
        "Powell's method",
        "Finds the least value of a function along one direction after another, without derivatives.",
        "powell",
    ),
    # how a network learns to live with it
    "qat": Term(
        "fine-tuning, quantization-aware training",
        "Training goes on with quantized weights and activations, so that the network learns to live with few bits.",
        "integer",
        "section 3",
    ),
    "straight-through": Term(
        "straight-through estimator",
        "Rounding has no useful derivative, so the backward pass ignores it and uses the gradient as if nothing had been "
        "rounded.",
        "ste",
    ),
    "epoch": Term("epoch", "One pass over all training samples."),
}  # fmt: skip
