"""How two sides learn of each other: targets people type, announcements on the LAN, SDP."""
