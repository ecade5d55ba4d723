"""How the platform itself runs: durable work, ownership of workers, messages, metrics, liveness, webhooks in."""
