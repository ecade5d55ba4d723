"""The engine. In the order of the flow:

collect   stages/collect.py           vendors -> signals, grouped into issues
analyze   stages/analyze.py           issue -> root cause, severity, confidence
decide    stages/decide.py            AUTO_RESOLVE, SCHEDULE_MAINTENANCE or ESCALATE_HUMAN, with a receipt
fix       stages/fix.py               a patch with a regression test and its proof, on a branch
review    stages/review/review.py     gates: security, known vulnerabilities, style, complexity, coverage
test      stages/test.py              the service's own tests
deploy    stages/deliver/deploy.py    preview, then production
verify    stages/watch/watch.py       watch, roll back on failure
learn     stages/learn.py             the outcome adjusts later confidence

flow.py is the diagram as one function, stages/steps.py has its durable steps, and scheduler.py starts it. The
__init__.py of each folder describes its contents.
"""
