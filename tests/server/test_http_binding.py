"""Under which names a server is known, and when it asks for a token."""

import socket

import pytest

from longcall.errors import CallError
from longcall_server.binding import Binding


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost", "LOCALHOST"])
def test_on_loopback_no_token_is_needed_unless_the_operator_wants_one(host: str) -> None:
    assert not Binding(host).needs_token
    assert Binding(host, require_token=True).needs_token


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.7.7", "example.com", "localhost.example.com", ""])
def test_elsewhere_a_token_is_needed(host: str) -> None:
    assert Binding(host).needs_token


def test_names_are_known_with_any_port_unless_they_have_one() -> None:
    hosts = Binding("10.1.2.3", allow_hosts=["calls.example.com", "other.example.com:8443", "2001:db8::7"]).hosts()
    assert {"10.1.2.3", "10.1.2.3:*", "calls.example.com:*", "localhost:*", "[::1]:*", "[2001:db8::7]:*"} <= set(hosts)
    assert "other.example.com:8443" in hosts
    assert not any(name.startswith("other.example.com") and name != "other.example.com:8443" for name in hosts)


def test_only_beyond_loopback_the_name_of_the_machine_is_known() -> None:
    assert f"{socket.gethostname()}:*" in Binding("0.0.0.0").hosts()
    assert set(Binding().hosts()) == {
        name + port for name in ("127.0.0.1", "localhost", "[::1]") for port in ("", ":*")
    }


def test_only_on_loopback_its_pages_are_known() -> None:
    assert "http://localhost:*" in Binding().origins()
    assert Binding("10.1.2.3", allow_origins=["https://app.example.com"]).origins() == ["https://app.example.com"]


@pytest.mark.parametrize("host", ["*", "*.example.com", "a b", "http://example.com", "example.com/", ""])
def test_what_is_no_name_is_refused(host: str) -> None:
    with pytest.raises(CallError, match="--allow-host"):
        Binding(allow_hosts=[host])


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_a_free_port_is_told(host: str) -> None:
    try:
        bound, listener = Binding(host, 0).bind()
    except CallError:
        if host != "::1":
            raise
        pytest.skip("this machine has no IPv6")
    with listener:
        assert bound.port == listener.getsockname()[1] > 0
        assert f":{bound.port}/mcp" in bound.url
        assert listener.proto == socket.IPPROTO_TCP  # asyncio switches Nagle's algorithm off for these alone
        with pytest.raises(CallError, match="--port 0"):
            Binding(host, bound.port).bind()


def test_a_url_has_brackets_around_ipv6_and_a_name_for_every_address() -> None:
    assert Binding("::1", 8020).url == "http://[::1]:8020/mcp"
    assert Binding("0.0.0.0", 8020).url == f"http://{socket.gethostname()}:8020/mcp"


def test_where_nothing_can_listen_is_told_with_what_to_take_instead() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(CallError, match=rf"port {port} \([^()]*\)\. Take another port with --port"):
            Binding(port=port).bind()
    with pytest.raises(CallError, match=r"port 0 \([^()]*\)\. Take an address of this machine with --host"):
        Binding("192.0.2.1", port=0).bind()
    with pytest.raises(CallError, match="Take another name or address with --host"):
        Binding("no such name", port=0).bind()
    with pytest.raises(CallError, match="Take another port with --port"):
        Binding(port=10**20).bind()
