"""Values that every floor knows: novels, chapters, chunks, panels, spaces, keys. No behaviour, no other room."""
