"""The events lake: tracking logs in, typed Parquet rows by course and day out."""
