"""What an audit proves: each check gives the rows that would break a promise."""
