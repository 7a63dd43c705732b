"""A whole site in one process: virtual time, and later the world, its workload and its auditor."""
