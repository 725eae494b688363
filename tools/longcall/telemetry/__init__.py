"""What a worker tells of its doings, to logs and to OpenTelemetry; nothing of it can delay or fail a call."""
