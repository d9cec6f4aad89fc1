"""Values everybody speaks: errors, numbers, principals, security, content types."""
