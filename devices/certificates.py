"""Certificates: a small authority of our own, and what it signs: the broker's certificate and the devices'.

Keys are P-256, which the TLS of small devices knows; files are PEM, keys PKCS #8 without a passphrase.
"""

import ipaddress
import ssl
from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from devices.errors import BadCertificate

AUTHORITY_DAYS = 3650
SERVER_DAYS = 90
DEVICE_DAYS = 365
_SKEW = timedelta(hours=1)
"""A device's clock may be behind ours when it looks at the broker's certificate."""


class KeyPair(NamedTuple):
    """A private key and its certificate, both PEM."""

    key: bytes
    certificate: bytes


class CertificateFacts(NamedTuple):
    """What a certificate says; `serial` in lower-case hex, times in epoch ms, `names` of its owner."""

    common_name: str
    serial: str
    from_ms: int
    until_ms: int
    names: frozenset[str]


class ClientCertificate(NamedTuple):
    """What a verified client certificate proves: whose it is, and when it was issued (epoch ms)."""

    common_name: str
    issued_ms: int


def new_authority(name: str, now_ms: int, days: int = AUTHORITY_DAYS) -> KeyPair:
    """Make an authority that signs servers and devices, and no authority below it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = _builder(subject, subject, key.public_key(), _time(now_ms) - _SKEW, _time(now_ms, days))
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_usage(signs_certificates=True), critical=True)
    return KeyPair(_pem(key), builder.sign(key, hashes.SHA256()).public_bytes(_PEM))


def issue_server(authority: KeyPair, names: Collection[str], now_ms: int, days: int = SERVER_DAYS) -> KeyPair:
    """Issue a certificate for a broker that is reached by `names` (hosts and IP addresses)."""
    if not names:
        raise BadCertificate("a server's certificate needs a name: what do devices connect to?")
    extensions = [
        x509.SubjectAlternativeName(_general_name(name) for name in sorted(names)),
        x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]),
    ]
    # The CN has room for 64 characters and is read by nobody; the names that count are in the extension.
    return _issue(authority, "Vigil broker", extensions, _time(now_ms) - _SKEW, _time(now_ms, days))


def issue_device(authority: KeyPair, device_id: str, now_ms: int, days: int = DEVICE_DAYS) -> KeyPair:
    """Issue the certificate of a device: its CN is the device's id. It is valid from now, and not before."""
    extensions = [x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])]
    return _issue(authority, device_id, extensions, _time(now_ms), _time(now_ms, days))


def revocation_list(
    authority: KeyPair, serials: Iterable[str], now_ms: int, days: int = AUTHORITY_DAYS
) -> bytes:
    """Return the list (PEM) of certificates that are no longer valid, for brokers that read one."""
    key, certificate = _open(authority)
    builder = x509.CertificateRevocationListBuilder().issuer_name(certificate.subject)
    builder = builder.last_update(_time(now_ms) - _SKEW).next_update(_time(now_ms, days))
    for serial in sorted(set(serials)):
        revoked = (
            x509.RevokedCertificateBuilder().serial_number(int(serial, 16)).revocation_date(_time(now_ms))
        )
        builder = builder.add_revoked_certificate(revoked.build())
    return builder.sign(key, hashes.SHA256()).public_bytes(_PEM)


def read_revoked(pem: bytes) -> frozenset[str]:
    """Return the serials in a revocation list; none if it cannot be read."""
    try:
        return frozenset(f"{one.serial_number:x}" for one in x509.load_pem_x509_crl(pem))
    except ValueError:
        return frozenset()


def read_certificate(pem: bytes) -> CertificateFacts:
    """Return what the first certificate in `pem` says.

    Raises:
        BadCertificate: it is none.
    """
    try:
        found = x509.load_pem_x509_certificate(pem)
    except ValueError as error:
        raise BadCertificate(f"no certificate: {error}") from error
    common = found.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    names: set[str] = set()
    try:
        said = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        pass
    else:
        names |= set(said.get_values_for_type(x509.DNSName))
        names |= {str(address) for address in said.get_values_for_type(x509.IPAddress)}
    return CertificateFacts(
        common_name=str(common[0].value) if common else "",
        serial=f"{found.serial_number:x}",
        from_ms=_ms(found.not_valid_before_utc),
        until_ms=_ms(found.not_valid_after_utc),
        names=frozenset(names),
    )


def client_certificate(peer: Mapping[str, Any] | None) -> ClientCertificate | None:
    """Return what `peer` (as `ssl` tells of a verified certificate) proves; None if there was none.

    Of several CNs the last counts, as with OpenSSL's own tools; a certificate without one proves nothing.
    """
    if not peer:
        return None
    names = [value for part in peer.get("subject", ()) for key, value in part if key == "commonName"]
    issued_ms = int(ssl.cert_time_to_seconds(peer["notBefore"])) * 1000
    return ClientCertificate(names[-1] if names else "", issued_ms)


_PEM = serialization.Encoding.PEM


def _issue(
    authority: KeyPair,
    common_name: str,
    extensions: Iterable[x509.ExtensionType],
    from_time: datetime,
    until_time: datetime,
) -> KeyPair:
    signing_key, signer = _open(authority)
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    until_time = min(until_time, signer.not_valid_after_utc)
    builder = _builder(subject, signer.subject, key.public_key(), from_time, until_time)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(_usage(signs_certificates=False), critical=True)
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(signing_key.public_key())
    for extension in (issuer, *extensions):
        builder = builder.add_extension(extension, critical=False)
    return KeyPair(_pem(key), builder.sign(signing_key, hashes.SHA256()).public_bytes(_PEM))


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    from_time: datetime,
    until_time: datetime,
) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key)
    builder = builder.serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(from_time).not_valid_after(until_time)
    return builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _open(authority: KeyPair) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    try:
        key = serialization.load_pem_private_key(authority.key, None)
        certificate = x509.load_pem_x509_certificate(authority.certificate)
    except (ValueError, TypeError) as error:
        raise BadCertificate(f"the authority's key or certificate cannot be read: {error}") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != certificate.public_key():
        raise BadCertificate("the authority's key is not the one of its certificate")
    return key, certificate


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        pass
    try:
        return x509.DNSName(name)
    except ValueError as error:
        raise BadCertificate(f"{name!r} is no host name: write it in ASCII") from error


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def _time(now_ms: int, days: int = 0) -> datetime:
    return datetime.fromtimestamp(now_ms // 1000, UTC) + timedelta(days=days)


def _ms(time: datetime) -> int:
    return int(time.timestamp()) * 1000
