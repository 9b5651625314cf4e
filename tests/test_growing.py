

def test_no_rows_can_be_added_to_what_cannot_be_written() -> None:
    rows = np.array([1, 2])
    rows.flags.writeable = False
    assert Growing(rows).add(np.array([], dtype=rows.dtype)).tolist() == [1, 2]
