# As much of pure-sasl 0.6 as sasl/puresasl.py and its tests use; it has no types of its own.
class SASLError(Exception): ...
class SASLProtocolException(Exception): ...

class QOP:
    AUTH: bytes
    AUTH_INT: bytes
    AUTH_CONF: bytes
