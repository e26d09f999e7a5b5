"""Tells what an address is: a server of this machine, or one elsewhere."""

from ipaddress import ip_address


def is_loopback(host: str) -> bool:
    """Whether a host, without brackets, is this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
