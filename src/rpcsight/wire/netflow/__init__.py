"""NetFlow v5, v9 and IPFIX: export datagrams to flow records."""
