"""Sensors: each asks for runs, and does nothing else."""
