"""The order in which a grid is measured: coarse to fine, every level refining the one before.

A grid has 4 · 2^k + 1 points a side. The first level is every point of the 5-a-side grid, the next what 9 a side
add, and so on, each level from the centre outwards. Nothing is visited twice.
"""

COARSEST = 5

Index = tuple[int, ...]


def levels(points: int, dims: int) -> tuple[tuple[Index, ...], ...]:
    """Points of every level, ``dims`` indices each, for as many points a side as a `LandscapeQuestion` takes.

    >>> levels(9, 1)
    (((4,), (2,), (6,), (0,), (8,)), ((3,), (5,), (1,), (7,)))
    """
    seen: set[Index] = set()
    found = []
    stride = (points - 1) // (COARSEST - 1)
    while stride:
        side = range(0, points, stride)
        square = [(i,) for i in side] if dims == 1 else [(i, j) for i in side for j in side]
        new = sorted((at for at in square if at not in seen), key=lambda at: (_distance(at, points), at))
        seen.update(new)
        found.append(tuple(new))
        stride //= 2
    return tuple(found)


def _distance(at: Index, points: int) -> int:
    return sum((2 * i - points + 1) ** 2 for i in at)
