"""Timings of losses: data, clocks, statistics, rivals and verdicts."""
