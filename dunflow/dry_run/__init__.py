"""What a run of a date would do, before anything is done."""
