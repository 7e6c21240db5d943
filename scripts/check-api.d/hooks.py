"""Makes every second request one that can succeed, and counts what was answered.

What is generated has ids that nothing has and passwords that are nobody's. So in every second request of an operation
the ids and passwords are replaced by those of people, tickets and orders that are there, and an idempotency key by one
that was not used. The other half stays as generated. What is not there at all stays missing."""

import atexit
import collections
import functools
import json
import os
import uuid

import schemathesis

import shop

# Whoever calls these is not signed in as before afterwards, or has another password, so each has users of its own.
ENDS_SESSIONS = {
    "changeEmail",
    "changePassword",
    "deleteAccount",
    "revokeOtherSessions",
    "revokeSession",
    "signIn",
    "signOut",
    "signUp",
}

# An account's password may be tried ten times in a row.
CALLS_PER_MEMBER = 8

_calls = collections.Counter()
_answers = collections.defaultdict(collections.Counter)
_own_members = {}


@functools.cache
def main_member():
    return shop.Member()


@functools.cache
def a_ticket():
    return main_member().ticket(quantity=1_000_000)


@functools.cache
def an_order():
    return main_member().order()


def member_of(name):
    if name not in ENDS_SESSIONS:
        return main_member()
    if name not in _own_members or _own_members[name].calls >= CALLS_PER_MEMBER:
        _own_members[name] = shop.Member()
    return _own_members[name]


# What replaces the id in the path.
PATHS = {
    "cancelOrder": lambda member: {"id": member.order()},
    "editTicket": lambda member: {"id": member.ticket()},
    "extendOrder": lambda member: {"id": member.order()},
    "receiveWebhook": lambda _member: {"gateway": "sandbox"},
    "refundOrder": lambda member: {"id": member.paid_order()},
    "revokeSession": lambda member: {"id": member.session()},
    "showOrder": lambda _member: {"id": an_order()},
    "showTicket": lambda _member: {"id": a_ticket()},
    "watchOrder": lambda _member: {"id": an_order()},
    "withdrawTicket": lambda member: {"id": member.ticket()},
}

# What replaces fields of the body, if they are there.
FIELDS = {
    "changeEmail": lambda _member: {"email": shop.email(), "password": shop.PASSWORD},
    "changePassword": lambda _member: {"currentPassword": shop.PASSWORD},
    "deleteAccount": lambda _member: {"password": shop.PASSWORD},
    "openIntent": lambda member: {"orderId": member.order()},
    "pay": lambda member: {"orderId": member.order(), "token": "tok_visa"},
    "reserve": lambda _member: {"ticketId": a_ticket()},
    "signIn": lambda member: {"email": member.email, "password": shop.PASSWORD},
    "signUp": lambda _member: {"email": shop.email()},
}

# What is taken out of the body: other tickets and sums than those of an order that was just made.
LEFT_OUT = {"refundOrder": ("lines", "amount"), "reserve": ("lines",)}


@schemathesis.auth(refresh_interval=None)
class Session:
    """Signs each operation in as the member that is meant for it."""

    def get(self, case, _context):
        return member_of(name_of(case)).token

    def set(self, case, token, _context):
        case.headers["Authorization"] = f"Bearer {token}"


def name_of(case):
    return case.operation.definition.raw["operationId"]


@schemathesis.hook
def before_call(_context, case, _kwargs):
    name = name_of(case)
    case.headers["X-Forwarded-For"] = shop.address()
    _calls[name] += 1
    member = member_of(name)
    member.calls += 1
    if _calls[name] % 2 == 0:
        return
    if "Idempotency-Key" in case.headers:
        case.headers["Idempotency-Key"] = str(uuid.uuid4())
    if name in PATHS and case.path_parameters:
        case.path_parameters.update(PATHS[name](member))
    if isinstance(case.body, dict):
        case.body = fitting(name, member, case.body)


def fitting(name, member, body):
    kept = {field: value for field, value in body.items() if field not in LEFT_OUT.get(name, ())}
    replaced = FIELDS[name](member) if name in FIELDS else {}
    kept.update((field, value) for field, value in replaced.items() if field in kept)
    return kept


@schemathesis.hook
def after_call(_context, case, response):
    name = name_of(case)
    _answers[name][response.status_code] += 1
    if response.status_code < 300 and name in ENDS_SESSIONS:
        _own_members.pop(name, None)


@atexit.register
def write_answers():
    with open(os.environ["CHECK_API_ANSWERS"], "w", encoding="utf-8") as file:
        json.dump(_answers, file)
