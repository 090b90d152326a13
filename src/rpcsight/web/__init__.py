"""The web interface and the API over a workspace."""
