"""The frame: draws, decides nothing. Pages use it; it uses core; core knows nothing of it.

app.py      the ASGI entry: engine, /healthz, /live, /status     main.py    the script of every visit
gate.py     no session, no answer, http and websocket            signin.py  /login, /logout, /password
api.py      /api: the actions as JSON, for tokens                forms.py   tickets and limits of forms
context.py  settings and store of this process                   access.py  who is here, what they may do
live.py     redraws a page's fragment when the store changes      confirm.py an action, confirmed, once
html.py     words to safe HTML       widgets.py  badges, cards, timeline, diff, receipt
diagram.py  the flow as SVG          charts.py   figures, pure     demo.py    the demo's panel
"""
