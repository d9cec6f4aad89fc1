"""Where passwords come from, and where verifiers of them are kept. Knows no event loop."""
