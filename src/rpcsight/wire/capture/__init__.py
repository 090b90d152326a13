"""Captures: files to frames, frames to packets, packets to what connections are made of."""
