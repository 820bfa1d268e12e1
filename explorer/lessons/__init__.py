"""What the lessons compute, one module a lesson; plain functions, exact where they can be."""
