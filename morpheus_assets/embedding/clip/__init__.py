"""CLIP models of this machine: where their files are, what identifies them, how a panel is prepared and embedded."""
