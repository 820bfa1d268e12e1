"""How much is measured: enough to publish, or just enough to see that everything works."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    """Sizes of the measurements.

    Attributes:
        rows: samples of the comparison over the same samples.
        whole: rows that count as the whole training set; None for all.
        chunk: samples at once for the peers' products.
        batch: samples of one draw of a peer that samples the whole set.
        rel_se: the relative standard error asked for in every block.
        seeds: runs of ours.
        draws: products over the same samples that a variance is made of.
        draws_whole: products over random batches of ``batch`` that a variance is made of.
        draws_large: the same with batches of ``rows``.
        draws_timing: draws where nothing but the time is wanted.
        draws_alone: rounds of one product a block.
        repeats, scaling_repeats: times that a deterministic piece of work is timed.
        scaled_rows: samples a peer is timed on when the whole set would take too long.
        label_samples: samples whose variance with a drawn label is computed.
        backpack_chunks: numbers of samples at once that BackPACK is tried with.
        eigen_rows, lanczos_steps: samples of the largest eigenvalue, and steps of hessian-eigenthings.
        scaling_rows: sizes of the data set; None for all.
        scaling_images: samples of the networks with other heads and depths.
        classes, depths: of those networks.
        pairs: samples times directions for the exact traces of a network with many classes.
    """

    rows: int = 512
    whole: int | None = None
    chunk: int = 64
    batch: int = 64
    rel_se: float = 0.05
    seeds: int = 3
    draws: int = 8
    draws_whole: int = 48
    draws_large: int = 4
    draws_timing: int = 4
    draws_alone: int = 2
    repeats: int = 2
    scaling_repeats: int = 1
    scaled_rows: int = 128
    label_samples: int = 256
    backpack_chunks: tuple[int, ...] = (16, 32)
    eigen_rows: int = 128
    lanczos_steps: int = 12
    scaling_rows: tuple[int | None, ...] = (512, 1024, 2048, None)
    scaling_images: int = 1024
    classes: tuple[int, ...] = (10, 100, 1000)
    depths: tuple[int, ...] = (20, 56)
    pairs: int = 2000


FULL = Settings()
QUICK = Settings(
    rows=48,
    whole=192,
    chunk=16,
    batch=16,
    rel_se=0.2,
    seeds=2,
    draws=3,
    draws_whole=4,
    draws_large=2,
    draws_timing=2,
    draws_alone=2,
    repeats=1,
    scaling_repeats=1,
    scaled_rows=32,
    label_samples=32,
    backpack_chunks=(32,),
    eigen_rows=32,
    lanczos_steps=10,
    scaling_rows=(48, None),
    scaling_images=48,
    classes=(10, 100),
    depths=(20, 56),
    pairs=200,
)
