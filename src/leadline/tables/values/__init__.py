"""What values mean that came as text: numbers as people write them, and words that stand for a gap."""
