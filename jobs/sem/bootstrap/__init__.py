"""Clusters drawn again, fitted again, and the intervals that follow."""

FEWEST_REPLICATES = 100  # with fewer, the ends of an interval are a matter of chance
