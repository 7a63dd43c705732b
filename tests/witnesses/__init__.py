"""Outside witnesses: programs we did not write agree with ours."""
