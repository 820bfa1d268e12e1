"""Listening sockets that asyncio does not know for TCP: their connections answer without Nagle's algorithm."""

import socket

from explorer.access import promptness


def test_connections_of_a_socket_made_without_a_protocol_number_answer_at_once() -> None:
    """As Streamlit makes its own: each of its files took 43 ms, the delay of the browser's acknowledgement."""
    with socket.socket(socket.AF_INET) as listening, socket.socket(socket.AF_INET) as idle:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        assert promptness.hurry() >= 1
        with socket.create_connection(listening.getsockname()), listening.accept()[0] as accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert not idle.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY), "it listens to nobody"
