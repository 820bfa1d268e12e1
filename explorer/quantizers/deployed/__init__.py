"""Quantized networks as integer arithmetic computes them: norms in the scales, int32 biases, 8-bit residual sums."""

from explorer.quantizers.deployed.bias import BIAS, StoredBias
from explorer.quantizers.deployed.deploying import Deployed, Deployment, deploy, simulate_deployed
from explorer.quantizers.deployed.residuals import RESIDUAL

__all__ = ["BIAS", "RESIDUAL", "Deployed", "Deployment", "StoredBias", "deploy", "simulate_deployed"]
