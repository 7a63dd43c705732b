"""The printer driver over memory and over real pseudo-terminals."""
