"""What writes an answer from what was retrieved."""
