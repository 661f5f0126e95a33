"""The command line: a file a group of commands. Arguments in, sentences out; the work is done by services."""
