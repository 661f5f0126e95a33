"""All SQL of the project, a room for each thing that is stored. Callers bring an Engine or a running Connection."""
