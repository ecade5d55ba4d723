"""The inputs, to which services and vendors send data: webhooks, OTLP, Alertmanager, events and log lines.

A request is stored in the inbox before it is answered. The next collection cycle reads the inbox like the sources of
the vendors. Each input has one pure reader, which turns a payload into records.
"""
