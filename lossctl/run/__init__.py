"""Evaluates losses: readings of shapes, streams of blocks, threads, reductions. Threads live here and only here."""
