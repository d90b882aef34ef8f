"""Who should hold which role, kept true."""
