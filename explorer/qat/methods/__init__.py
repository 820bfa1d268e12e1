"""Methods of quantization-aware training, one file each, by name.

Library, command line and app offer what is entered in METHODS.
"""

from explorer.qat.methods.base import Batch, Method, MethodOptions
from explorer.qat.methods.binaryconnect import BinaryConnect
from explorer.qat.methods.dorefa import Dorefa
from explorer.qat.methods.lsq import Lsq
from explorer.qat.methods.pact import Pact
from explorer.qat.methods.ste import StraightThrough

METHODS: dict[str, type[Method]] = {
    "ste": StraightThrough,
    "lsq": Lsq,
    "pact": Pact,
    "dorefa": Dorefa,
    "binaryconnect": BinaryConnect,
}

__all__ = [
    "METHODS",
    "Batch",
    "BinaryConnect",
    "Dorefa",
    "Lsq",
    "Method",
    "MethodOptions",
    "Pact",
    "StraightThrough",
]
