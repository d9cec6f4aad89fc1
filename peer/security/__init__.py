"""How a line is protected: TLS as a layer of octets, its modes and its keys."""
