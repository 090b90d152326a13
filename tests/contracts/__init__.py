"""One parametrised test for each kind of plug-in."""
