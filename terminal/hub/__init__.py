"""The hub and the certificate centre as the terminal speaks to them: ids, envelope, signature, authenticity."""
