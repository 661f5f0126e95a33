"""What a space must show before it answers, and goes on showing while it does; measured by the checks of its asset."""

# The share of the true neighbours that its index finds.
LOWEST_RECALL = 0.97
# Between a stored vector and the one that its model gives for the same input today.
LOWEST_COSINE = 0.999
