"""What the FP32 network teaches while the quantized one trains: by its outputs, and by those of its layers."""

from explorer.qat.distillation.outputs import outputs_apart, outputs_teach, under
from explorer.qat.distillation.standardized import standardized_apart
from explorer.qat.distillation.teacher import Teacher

__all__ = ["Teacher", "outputs_apart", "outputs_teach", "standardized_apart", "under"]
