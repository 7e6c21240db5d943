"""What requests need to succeed: people who are signed in, their tickets, and orders in the right state."""

import itertools
import json
import os
import urllib.request

SERVER = os.environ["CHECK_API_SERVER"]
PASSWORD = "correct horse battery"

_numbers = itertools.count(1)

# Each new account comes from an address of its own, which the server believes of this machine: signing up is limited
# by address, and so is signing in.
_addresses = (f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}" for number in itertools.count(1))


def address():
    """An address that nothing came from yet."""
    return next(_addresses)


def email():
    """An e-mail address that nobody has yet."""
    return f"member-{next(_numbers)}@example.com"


def send(method, path, body=None, token=None):
    """The answer's body; an error if it is no success, since everything that is asked for here must succeed."""
    headers = {"Content-Type": "application/json", "X-Forwarded-For": address()}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(SERVER + path, data, headers, method=method)
    with urllib.request.urlopen(request, timeout=30) as response:
        cookie = response.headers.get("Set-Cookie", "")
        return json.loads(response.read() or "null"), cookie


class Member:
    """Somebody who has just signed up."""

    def __init__(self):
        self.email = email()
        account = {"email": self.email, "password": PASSWORD}
        _user, cookie = send("POST", "/api/users/signup", account)
        self.token = cookie.split(";")[0].partition("=")[2]
        self.calls = 0

    def session(self):
        return send("GET", "/api/users/sessions", token=self.token)[0][0]["id"]

    def ticket(self, quantity=1):
        terms = {"title": "Front row", "price": 20, "quantity": quantity}
        return send("POST", "/api/tickets", terms, self.token)[0]["id"]

    def order(self):
        return send("POST", "/api/orders", {"ticketId": self.ticket()}, self.token)[0]["id"]

    def paid_order(self):
        order = self.order()
        send("POST", "/api/payments", {"orderId": order, "token": "tok_visa"}, self.token)
        return order
