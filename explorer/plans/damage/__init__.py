"""The damage that quantization is predicted to do, by several measures."""
