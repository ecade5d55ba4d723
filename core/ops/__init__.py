"""The platform's own operation: durable work, worker ownership, notifications, metrics, liveness, webhooks."""
