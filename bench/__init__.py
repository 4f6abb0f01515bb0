"""What a day costs with many accounts, beside the least that it could cost."""
