"""Plans and runs side by side on the Results page, and the report of them."""
