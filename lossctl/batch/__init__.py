"""Many pairs of files in one run: pairing, the journal that survives any crash, totals, rows."""
