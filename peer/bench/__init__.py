"""Measuring the framing core: what `msrp bench` prints. Measures and shows; asserts nothing."""
