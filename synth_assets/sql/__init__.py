"""SQL models in files: a folder of SELECTs in, guarded, bound, tested queries with lineage out."""
