"""Makes a loss fast: block loops, reproducible sums, compilation. The only room that knows numba."""
