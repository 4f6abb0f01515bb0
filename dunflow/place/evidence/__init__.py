"""What a court wants to see of one account, as a PDF: what was sent, agreed and paid."""
