"""The six services: how their teams run, observe and release them, and who visits them. Data and visits."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

from tests.services.model import Remedy
from tests.services.traffic import Traffic, crashes

Visit = Callable[[Traffic, int], None]
Words = tuple[str, ...]
OWN = f"{sys.version_info.major}.{sys.version_info.minor}"  # the version that the platform itself runs on


@dataclass(frozen=True)
class ForeignService:
    """``packages``: what the team's production installs. ``toml``: what the team adds to its repository's table."""

    name: str
    app: str
    python: Words  # versions that the team may run, the first that the machine has
    packages: Words
    command: Words
    visit: Visit
    input: str
    delivery: str
    watch: str  # the source of the watch's metrics
    crash: str
    health: str = ""
    subfolder: str = "."
    prepare: tuple[Words, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    servers: Words = ()
    toml: str = ""
    rate: float = 6.0  # visits a second
    remedy: Remedy = ()  # what a connected model answers, where the platform's own repairer finds no fix


# --- parcels: shops announce, carriers scan, customers look ------------------------------------------


def parcels(traffic: Traffic, number: int) -> None:
    name = f"NH{number % 100_000_000:08d}"
    body = {"number": name, "shop": "lampenladen", "postcode": "20095", "weight_grams": 900}
    traffic.post("/parcels", body)
    if not crashes(number):  # impatient customers look before the first scan
        scan = {"tracking": name, "code": "AR", "depot": "HAMBURG-OST", "time": "2026-03-02T08:15:00+01:00"}
        traffic.post("/carriers/hanse/scans", scan)
        traffic.get("/depots/hamburg-ost/backlog" if number % 40 == 0 else f"/parcels/{name}")
    traffic.get(f"/parcels/{name}/status")


# --- courts: members and guests book, everybody asks for the price ----------------------------------


def courts(traffic: Traffic, number: int) -> None:
    if number == 0:
        traffic.call("PUT", "/courts/3", json={"number": 3, "surface": "clay", "hourly": "18.00"})
        traffic.post("/members", {"email": "ana@example.com", "name": "Ana", "plan": "full", "joined": "2021-04-01"})
    email = "guest@example.net" if crashes(number) else "ana@example.com"
    day = date(2030, 1, 1) + timedelta(days=number // 15)
    at = f"{day}T{7 + number % 15:02d}:00:00+00:00"
    booked = traffic.post("/bookings", {"court": 3, "starts_at": at, "email": email})
    if booked.status == 201:
        traffic.get(f"/bookings/{booked.body['id']}/quote")
    traffic.get("/courts/3/day", params={"on": at[:10]})


# --- library: the desk looks readers up -------------------------------------------------------------


def library(traffic: Traffic, number: int) -> None:
    traffic.get("/catalog/", params={"q": ("momo", "wand", "falter")[number % 3]})
    reader = 4 if crashes(number) else number % 3 + 1  # the fourth has borrowed a board game
    traffic.get(f"/desk/readers/R{reader:04d}/")


# --- invoices: a reseller's feed goes onto the queue -------------------------------------------------


def invoices(traffic: Traffic, number: int) -> None:
    """Twelve rows at once; the workers say how they fared in their logs."""
    rows = [usage(number * 12 + row) for row in range(12)]
    place = traffic.place()
    feed = place / f"feed-{number % 5}.jsonl"
    feed.write_text("".join(json.dumps(row) + "\n" for row in rows))
    traffic.run("-m", "invoicing.enqueue", str(feed))


def usage(number: int) -> dict:
    row = {"customer": f"c-{number % 7}", "plan": "team", "day": "2026-03-31", "seats": "5", "reference": f"r-{number}"}
    return row | ({"discount": ""} if crashes(number) else {"discount": "10"} if number % 2 else {})


# --- orders: the web shop and a partner order, the board shows cards ---------------------------------


def orders(traffic: Traffic, number: int) -> None:
    promised = "2036-03-02T15:30:00" if crashes(number) else "2036-03-02T15:30:00+01:00"
    channel = "partner" if crashes(number) else "webshop"
    lines = [{"sku": "LAMP-1", "quantity": 2}, {"sku": "BULB-9", "quantity": 6}]
    body = {"channel": channel, "recipient": "Ida Berg, Malmö", "promised_at": promised, "lines": lines}
    made = traffic.post("/orders", body)
    if made.status == 201:
        traffic.post(f"/orders/{made.body['id']}/lines/BULB-9/pick", {})
        traffic.get(f"/orders/{made.body['id']}/card")
    traffic.get("/summary")


# --- meters: a cron job reads the files that came in -------------------------------------------------


def meters(traffic: Traffic, number: int) -> None:
    """A run of the command; one that fails is reported as the job's wrapper does it."""
    columns = (
        ("DE0012", "2026-03-01T00:15", "0,250") if crashes(number) else ("DE0012", "2026-03-01T00:15", "0.250", "M")
    )
    file = traffic.place() / f"meter-{number % 5}.csv"
    file.write_text("meter;at;kwh;quality\n" + ";".join(columns) + "\n")
    began = time.perf_counter()
    release = traffic.release()
    done = traffic.run("-m", "meterkit", "totals", str(file), "--format", "json", check=False)
    traffic.counted(release, "meterkit totals", 500 if done.returncode else 200, (time.perf_counter() - began) * 1000)
    if done.returncode:
        traffic.tell(done.stderr, release)


SERVICES = {
    service.name: service
    for service in (
        ForeignService(
            name="meterkit",
            app="cli_meters",
            python=("3.9", "3.10", "3.12", "3.13", OWN),
            packages=("click", "tabulate"),
            command=(),
            visit=meters,
            input="events",
            delivery="pull_request",
            watch="otlp",
            crash="IndexError",
            toml='python = "{python}"\n',
            rate=2.0,
            remedy=(
                (
                    "meterkit/readings.py",
                    "    flag = columns[3].strip().upper()\n",
                    '    flag = columns[3].strip().upper() if len(columns) > 3 else "M"\n',
                ),
            ),
        ),
        ForeignService(
            name="parceltrack",
            app="flask_parcels",
            python=(OWN,),
            packages=("-r", "requirements.txt"),
            command=("{python}", "-m", "waitress", "--port={port}", "--host=127.0.0.1", "parceltrack.wsgi:app"),
            visit=parcels,
            input="sentry",
            delivery="github_actions",
            watch="otlp",
            crash="ValueError",
            health="/healthz",
            variables={
                "PYTHONPATH": "{folder}/src",
                "PARCELTRACK_DB": "{folder}/../../parcels.db",
                "PARCELTRACK_RELEASE": "{sha}",
                "PARCELTRACK_STAGE": "production",
            },
            toml='python = "{python}"\n',
            remedy=(
                ("src/parceltrack/models.py", "def last_scan(self) -> Scan:", "def last_scan(self) -> Scan | None:"),
                ("src/parceltrack/models.py", "key=lambda scan: scan.at)", "key=lambda scan: scan.at, default=None)"),
                (
                    "src/parceltrack/promise.py",
                    '"place": scan.depot.replace("-", " ").title(),',
                    '"place": scan.depot.replace("-", " ").title() if scan else None,',
                ),
            ),
        ),
        ForeignService(
            name="courtside",
            app="fastapi_courts",
            python=("3.12", "3.13", OWN),
            packages=("-r", "pyproject.toml"),
            command=("{python}", "-m", "uvicorn", "courtside.main:app", "--port", "{port}", "--log-level", "warning"),
            visit=courts,
            input="otlp",
            delivery="kubernetes",
            watch="otlp",
            crash="AttributeError",
            health="/healthz",
            variables={"VERSION": "{sha}"},
            servers=("postgresql",),
            toml='services = ["postgresql"]\n',
        ),
        ForeignService(
            name="lending-desk",
            app="django_library",
            python=("3.12", "3.13", OWN),
            packages=("-r", "requirements/production.txt"),
            command=("{python}", "-m", "gunicorn", "library.wsgi", "-b", "127.0.0.1:{port}", "--no-control-socket"),
            prepare=(("{python}", "manage.py", "migrate", "-v0"), ("{python}", "manage.py", "seed")),
            visit=library,
            input="cloudwatch",
            delivery="commands",
            watch="cloudwatch",
            crash="KeyError",
            health="/health/",
            variables={
                "DJANGO_SETTINGS_MODULE": "library.settings.production",
                "DJANGO_SECRET_KEY": "of-a-throw-away-database",
                "LIBRARY_DB": "{folder}/../../library.sqlite3",
            },
        ),
        ForeignService(
            name="invoicing",
            app="celery_invoices",
            python=("3.11", "3.12", OWN),
            packages=("celery[redis]", "redis", "python-json-logger"),
            command=("{python}", "-m", "celery", "-A", "invoicing.app", "worker", "--pool", "solo", "--without-gossip"),
            prepare=(
                (
                    "{python}",
                    "-c",
                    'from invoicing import store; store.save_plan("team", seat="9.90", gb="0.25", free_seats="2")',
                ),
            ),
            visit=invoices,
            input="datadog",
            delivery="pull_request",
            watch="datadog",
            crash="ValueError",
            variables={"DD_ENV": "production", "DD_VERSION": "{sha}"},
            servers=("redis",),
            toml='services = ["redis"]\n',
            rate=0.4,
        ),
        ForeignService(
            name="orders",
            app="monorepo_orders",
            python=("3.13", "3.12", OWN),
            packages=("starlette<1", "uvicorn", "pydantic", "prometheus-client"),
            command=("{python}", "-m", "orders", "--port", "{port}"),
            visit=orders,
            input="alertmanager",
            delivery="vercel",
            watch="otlp",
            crash="TypeError",
            health="/health",
            subfolder="services/orders",
            variables={"RELEASE": "{sha}"},
            toml='folder = "services/orders"\n',
            # nothing in the program says which zone a time without one is in, so its own repairer asks a person
            remedy=(
                ("orders/domain.py", "from datetime import datetime\n", "from datetime import datetime, timezone\n"),
                (
                    "orders/domain.py",
                    "    @property\n    def active",
                    '    @field_validator("promised_at")\n    @classmethod\n'
                    "    def _aware(cls, value: datetime) -> datetime:\n"
                    "        return value if value.tzinfo else value.replace(tzinfo=timezone.utc)\n\n"
                    "    @property\n    def active",
                ),
            ),
        ),
    )
}
