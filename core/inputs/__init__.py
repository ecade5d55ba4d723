"""What services and vendors send by themselves: webhooks, OTLP, Alertmanager, events and log lines.

A request is stored in the inbox before it is answered. The next collection cycle reads the inbox as a source, like
those of the vendors. Each input has one pure reader: a payload in, records out.
"""
