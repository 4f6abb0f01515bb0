"""What an agency or legal tells about the accounts that they were given: one file, one layout."""
