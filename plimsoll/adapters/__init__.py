"""One module per outside thing; the only place that imports its SDK or starts a process."""
