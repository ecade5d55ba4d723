"""The engine. In the order of the flow:

collect   stages/collect.py   vendors -> signals, grouped into issues
analyze   stages/analyze.py   issue -> root cause, severity, confidence
decide    stages/decide.py    AUTO_RESOLVE, SCHEDULE_MAINTENANCE or ESCALATE_HUMAN, with a receipt
fix       stages/fix.py       a patch with a regression test and its proof, on a branch
review    stages/review.py    gates: security, known vulnerabilities, style, complexity, coverage
test      stages/test.py      the service's own tests
deploy    stages/deploy.py    preview, then production
verify    stages/verify.py    watch, roll back on failure
learn     stages/learn.py     the outcome moves the next confidence

flow.py is the diagram as one function; scheduler.py starts it; actions.py is what a person may do, rights.py
who may, accounts.py and sessions.py who is who.
"""
