"""The Fine-tune and Results pages."""
