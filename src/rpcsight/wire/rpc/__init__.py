"""DCE/RPC: PDUs, associations, and the answers that name where interfaces listen."""
