"""Read-only queries of the screens: SQL counts and limits, and a page reads only what it shows.

pipeline     cycles, connectors, counts by status and along the flow's arrows, pending approvals
issues       the list with its filters; everything about one issue
changes      change sets with their reviews and tests; statistics by generator and template
deployments  the timeline of deployments
outcomes     what the KPIs are computed from
decisions    past decisions, for a replay
trail        the audit trail with its filters, and its export
health       messages by event, the runners that were used
counting     distinct values and counts that cost the same in a large table
"""
