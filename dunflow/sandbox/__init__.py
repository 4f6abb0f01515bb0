"""The bundled Twilio and SendGrid: a local HTTP server that the real SDKs talk to.

It takes what the two providers' APIs take, refuses what they refuse, keeps what it accepted, and
shows it as an inbox page. It runs as its own process, `python -m dunflow.sandbox`, on loopback
only.

Not modelled: delivery (a message stays as it was accepted), scheduled sends, media, sender pools,
price, throughput queues, the lag of Email Activity.
"""
