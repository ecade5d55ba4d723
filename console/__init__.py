"""The console draws pages and decides nothing. Pages use it, it uses core, and core does not know it.

server/     ASGI entry, sign-in, API, incoming webhooks, live updates, first paint
ui/         the building blocks of all pages: safe HTML, widgets, diffs, charts, dialogs
parts/      parts of pages, by content: an issue, an approval, a decision, KPIs, the policy, people, the system
page.py     the frame of every page           access.py   who is signed in, and their rights
process.py  settings and database of this process   changes.py  changes of the store
"""
