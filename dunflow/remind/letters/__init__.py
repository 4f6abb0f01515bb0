"""Letters on paper: from a contact to a page, and from many pages to a batch for the printer."""
