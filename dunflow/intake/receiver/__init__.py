"""The receiver: what Twilio and SendGrid tell by themselves. Their word counts if it is signed."""
