"""Certificates: what an authority signs says whose it is, for how long, and what for."""

import datetime as dt

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from devices.certificates import (
    KeyPair,
    client_certificate,
    issue_device,
    issue_server,
    new_authority,
    read_certificate,
    read_revoked,
    revocation_list,
)
from devices.errors import BadCertificate

NOW_MS = 1_790_000_000_123
DAY_MS = 86_400_000
CA = new_authority("Vigil", NOW_MS, days=100)


def parsed(pair: KeyPair) -> x509.Certificate:
    return x509.load_pem_x509_certificate(pair.certificate)


def test_an_authority_signs_no_other_authority() -> None:
    constraints = parsed(CA).extensions.get_extension_for_class(x509.BasicConstraints).value
    assert (constraints.ca, constraints.path_length) == (True, 0)


def test_a_device_is_its_common_name_from_now_on() -> None:
    made = issue_device(CA, "dev_a", NOW_MS, days=7)
    facts = read_certificate(made.certificate)
    assert facts.common_name == "dev_a"
    assert facts.from_ms == NOW_MS // 1000 * 1000
    assert facts.until_ms == facts.from_ms + 7 * DAY_MS
    usage = parsed(made).extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    parsed(made).verify_directly_issued_by(parsed(CA))


def test_nothing_outlives_its_authority() -> None:
    made = issue_device(CA, "dev_a", NOW_MS, days=1000)
    assert read_certificate(made.certificate).until_ms == read_certificate(CA.certificate).until_ms


def test_a_server_has_names_and_addresses() -> None:
    names = {"localhost", "vigil.example.org", "127.0.0.1", "::1"}
    made = issue_server(CA, names, NOW_MS)
    assert read_certificate(made.certificate).names == names
    usage = parsed(made).extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.SERVER_AUTH]


def test_serials_differ_and_are_listed_when_revoked() -> None:
    serials = {read_certificate(issue_device(CA, "dev_a", NOW_MS).certificate).serial for _ in range(3)}
    assert len(serials) == 3
    assert read_revoked(revocation_list(CA, serials, NOW_MS)) == serials
    assert read_revoked(revocation_list(CA, [], NOW_MS)) == frozenset()
    assert read_revoked(b"no list") == frozenset()


@pytest.mark.parametrize("names", [[], ["häuser.example.org"]])
def test_a_name_that_is_none_is_refused(names: list[str]) -> None:
    with pytest.raises(BadCertificate):
        issue_server(CA, names, NOW_MS)


def test_what_is_no_authority_is_refused() -> None:
    other = new_authority("other", NOW_MS)
    for broken in (KeyPair(b"", b""), KeyPair(CA.key, b""), KeyPair(other.key, CA.certificate)):
        with pytest.raises(BadCertificate):
            issue_device(broken, "dev_a", NOW_MS)
    with pytest.raises(BadCertificate):
        read_certificate(b"nothing")


def test_what_ssl_tells_of_a_peer() -> None:
    at = dt.datetime(2026, 11, 23, 1, 2, 3, tzinfo=dt.UTC)
    peer = {
        "subject": ((("organizationName", "x"),), (("commonName", "dev_a"),)),
        "notBefore": "Nov 23 01:02:03 2026 GMT",
    }
    found = client_certificate(peer)
    assert found is not None
    assert found.common_name == "dev_a"
    assert found.issued_ms == int(at.timestamp()) * 1000
    assert client_certificate({}) is None
    assert client_certificate(None) is None
