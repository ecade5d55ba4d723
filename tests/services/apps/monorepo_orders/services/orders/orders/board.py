"""What the warehouse board shows of an order."""

from __future__ import annotations

from orders.domain import Order
from orders.slots import Planner, is_urgent, remaining


def card(order: Order, planner: Planner) -> dict:
    slot = planner.of(order.id)
    left = remaining(order)
    return {
        "id": order.id,
        "channel": order.channel,
        "recipient": order.recipient.split(",")[0],
        "progress": f"{order.picked}/{order.ordered}",
        "urgent": is_urgent(order),
        "minutes_left": int(left.total_seconds() // 60),
        "slot": slot.start.isoformat() if slot else None,
    }


def summary(orders: list[Order]) -> dict:
    open_orders = [order for order in orders if order.picked < order.ordered]
    channels: dict[str, int] = {}
    for order in open_orders:
        channels[order.channel] = channels.get(order.channel, 0) + 1
    return {"open": len(open_orders), "channels": channels}
