"""Kerberos, as MIT's libraries give it: tickets, contexts, tokens, and what goes wrong with them.

Nothing here loads python-gssapi, pyasn1 or ctypes before a `Kerberos` is made.
"""
