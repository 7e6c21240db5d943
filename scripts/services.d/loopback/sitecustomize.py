"""Python imports this when it starts, where PYTHONPATH says so: sockets that would listen to the world listen to loopback.

For a server that binds to every interface and has no setting for it.
"""

import socket

ELSEWHERE = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::ffff:127.0.0.1"}


def bind(self, address):
    if self.family in (socket.AF_INET, socket.AF_INET6):
        host, *rest = address
        # An IPv6 socket that serves IPv4 as well takes loopback by this name. One that does not gets an error.
        if self.family == socket.AF_INET6 and host == "":
            host = "::"
        address = (ELSEWHERE.get(host, host), *rest)
    return bind_anywhere(self, address)


bind_anywhere = socket.socket.bind
socket.socket.bind = bind
