"""The door: command line, demo and client. The only package that sees both terminal and simulators."""
