"""What is kept: Zarr parts, the SQL catalog, and the protocol that keeps both consistent.

`arrays` writes and reads parts, `catalog` is the SQL side, `ledger` is the durable record of jobs,
`commit` is the one transaction at which anything becomes visible, `verify`, `collect` and
`compact` keep house, and `vectors` holds the memory-mapped matrix that similarity search reads.
"""
