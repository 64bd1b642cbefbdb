"""A hundred million rows on a laptop: a Parquet file that is larger than the memory it is judged in."""
