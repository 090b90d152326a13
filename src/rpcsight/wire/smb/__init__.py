"""SMB 1, 2 and 3: the named pipes that carry DCE/RPC, and what SMB shows beside."""
