from __future__ import annotations

import socket
import threading

import pytest

from tests.proxy import TcpProxy


@pytest.fixture
def echo():
    """Address of a server that answers every connection with what it says, twice."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=answer, args=(connection,), daemon=True).start()

    def answer(connection):
        with connection:
            try:
                while data := connection.recv(1000):
                    connection.sendall(data * 2)
            except OSError:
                return

    threading.Thread(target=serve, daemon=True).start()
    yield listener.getsockname()
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()


@pytest.fixture
def proxy(echo):
    with TcpProxy(*echo) as running:
        yield running


def say(proxy, text, size, timeout=5):
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=timeout) as connection:
        connection.sendall(text)
        return read(connection, size)


def read(connection, size):
    found = b""
    while len(found) < size and (data := connection.recv(size - len(found))):
        found += data
    return found


def test_a_good_network_forwards_both_ways(proxy):
    assert say(proxy, b"ab", 4) == b"abab"
    assert (proxy.accepted, proxy.sent) == (1, 4)


def test_slices_arrive_whole(proxy):
    proxy.slice_bytes = 1
    assert say(proxy, b"abc", 6) == b"abcabc"


def test_a_silent_network_takes_connections_and_answers_nothing(proxy):
    proxy.is_silent = True
    with pytest.raises(TimeoutError):
        say(proxy, b"ab", 4, timeout=0.2)


def test_silence_that_ends_loses_nothing(proxy):
    proxy.is_silent = True
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=5) as connection:
        connection.sendall(b"ab")
        proxy.heal()
        assert read(connection, 4) == b"abab"


def test_a_refusing_network_resets_at_once(proxy):
    proxy.is_refusing = True
    with pytest.raises(OSError, match=r"reset|refused|aborted"):
        say(proxy, b"ab", 4)


def test_a_cut_lets_exactly_so_many_bytes_through(proxy):
    proxy.cut_after = 3
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=5) as connection:
        connection.sendall(b"ab")
        found = b""
        try:
            while data := connection.recv(1):
                found += data
        except ConnectionResetError:
            pass
        else:
            pytest.fail("the connection ended without a reset")
    assert found in (b"", b"aba")  # what a reset overtakes is lost
    assert proxy.sent == 3


def test_a_reset_ends_connections_that_exist(proxy):
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=5) as connection:
        connection.sendall(b"a")
        assert read(connection, 2) == b"aa"
        proxy.reset()
        with pytest.raises(ConnectionResetError):
            connection.recv(1)
    assert say(proxy, b"a", 2) == b"aa"
