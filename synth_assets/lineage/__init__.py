"""Where a row came from and what became of it: ids in, ancestry, descent and retractions out."""
