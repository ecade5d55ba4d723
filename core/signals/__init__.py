"""The analysis of signals: grouping, anomalies, causes, and the judgement of releases. Mostly pure."""
