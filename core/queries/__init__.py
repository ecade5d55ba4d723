"""Read-only queries for the screens. SQL counts and limits; each page reads only what it shows.

pipeline     cycles, connectors, counts by status and along the flow's arrows, pending approvals
issues       the list with its filters; everything about one issue
changes      change sets with their reviews and tests; statistics by generator and template
deployments  the timeline of deployments
outcomes     the input of the KPIs
decisions    past decisions, for a replay
trail        the audit trail: filters and export
health       messages by event, and recent runners
counting     distinct values and counts whose cost does not grow with the table
"""
