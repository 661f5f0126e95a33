"""Text models of this machine: found, loaded once a process, and run by OpenVINO or by sentence-transformers."""
