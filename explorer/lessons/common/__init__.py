"""What several lessons share: networks with their data, and experiments that are runs."""
