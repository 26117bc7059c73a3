"""Studies of the bounds and of the schedule network's optimum, on known distributions."""
