"""Commands that write quantized networks to files, and run such files."""
