"""Score networks and schedule networks."""
