"""HTTP to the servers behind the counter."""
