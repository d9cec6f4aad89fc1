"""The rules of MSRP, sans-IO: octets and the time in, octets and bells out."""
