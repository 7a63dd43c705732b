"""The Chinese commercial ciphers: SM2 signatures, SM3 digests, SM4 encryption.

SM2 runs in the system's OpenSSL (`libcrypto`), SM3 and SM4 in `cryptography`. Bytes in, bytes out; random numbers,
nonces and salts are handed in by the caller.
"""
