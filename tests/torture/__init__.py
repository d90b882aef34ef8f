"""Everything at once, again and again, with killed workers: what remains must be exact."""
