"""Vectors of SM2, SM3 and SM4; each file says where its values come from."""
