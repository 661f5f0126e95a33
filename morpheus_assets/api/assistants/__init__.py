"""The Model Context Protocol: what an assistant may look up here, over HTTP at /mcp or over a pipe."""
