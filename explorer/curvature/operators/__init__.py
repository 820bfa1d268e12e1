"""The Hessian seen as an operator: quadratic forms of it, block by block, and what they are made of."""
