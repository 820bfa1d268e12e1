"""Pictures: a result becomes a view (plain data), a view becomes a Plotly figure. Nothing here computes."""
