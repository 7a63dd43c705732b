"""The national medical-insurance hub: envelope, signatures, province profiles, and one module per message family."""
