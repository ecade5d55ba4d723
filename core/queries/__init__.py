"""Read-only questions that the screens ask: SQL counts and limits, a page asks for what it shows.

pipeline     rounds, connectors, counts by status and along the flow's arrows, pending approvals
issues       the list with its filters; one issue's whole story
changes      change sets with their reviews and tests; statistics by generator and template
deployments  the timeline of deployments
outcomes     what the KPIs are computed from
decisions    past decisions, for a replay
trail        the audit trail with its filters, and its export
health       messages by event, the runners that were used
counting     distinct values and counts that cost the same in a large table
"""
