"""Methods of quantization-aware training, one file each."""
