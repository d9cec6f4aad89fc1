# As much of pyasn1 0.6 as sasl/kerberos/tokens.py uses; it has no types of its own.
