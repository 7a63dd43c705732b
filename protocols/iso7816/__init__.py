"""ISO/IEC 7816-3 and -4 as pure values: command and response APDUs, status words, TLV, ATR, and the 61xx/6Cxx rules."""
