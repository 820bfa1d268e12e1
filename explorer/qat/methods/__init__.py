"""Methods of quantization-aware training, one file each, by name.

Library, command line and app offer what is entered in METHODS.
"""

from explorer.qat.methods.base import Batch, Method, MethodOptions
from explorer.qat.methods.ste import StraightThrough

METHODS: dict[str, type[Method]] = {
    "ste": StraightThrough,
}

__all__ = ["METHODS", "Batch", "Method", "MethodOptions", "StraightThrough"]
