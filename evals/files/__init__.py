"""Readers of real data: image folders, tables, parquet files and archives, each by row or by name."""
