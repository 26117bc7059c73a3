"""The harness: experiments, tracks, contestants, stages, reports, command line."""
