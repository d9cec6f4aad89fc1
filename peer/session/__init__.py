"""What people hold: a session, its messages and files, for any event loop."""
