"""`ask`: documentation that answers, with proof."""
