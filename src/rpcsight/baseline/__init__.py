"""What is normal in this network: learned from records, kept in a workspace, read by hunts."""
