"""What plans cost: memory, bit operations, latency."""
