"""`vigil ca`, `vigil device cert`, `vigil broker sync`."""

from pathlib import Path

from devices.certificates import read_certificate
from tests.unit.safety.cli.conftest import Vigil


def test_an_authority_is_made_once(vigil: Vigil) -> None:
    assert "make one with `vigil ca init`" in vigil.failure("ca", "show")
    made = [Path(line) for line in vigil("ca", "init", "--name", "Riverside")]
    assert [path.name for path in made] == ["ca.pem", "ca.key"]
    assert {path.stat().st_mode & 0o777 for path in made} == {0o600}
    assert "has an authority already" in vigil.failure("ca", "init")
    assert vigil.json("ca", "show")["authority"]["name"] == "Riverside"


def test_a_device_gets_a_certificate_as_long_as_it_may(vigil: Vigil, nurse: str, tmp_path: Path) -> None:
    device = vigil.add("device", "add", "--kind", "phone", "--nurse", nurse)
    assert "make one with `vigil ca init`" in vigil.failure("device", "cert", device)
    vigil("ca", "init")
    out = tmp_path / "carry"
    made = vigil.json("device", "cert", device, "--out", str(out), "--days", "7")
    assert {Path(made[part]).parent for part in ("key", "certificate", "authority")} == {out}
    facts = read_certificate(Path(made["certificate"]).read_bytes())
    assert facts.common_name == device
    assert facts.until_ms - facts.from_ms == 7 * 86_400_000
    vigil("device", "revoke", device)
    assert "was revoked" in vigil.failure("device", "cert", device)
    assert "no device dev_x" in vigil.failure("device", "cert", "dev_x")
    vigil.misuse("device", "cert", device, "--days", "0")


def test_a_brokers_files_are_written_without_a_broker(vigil: Vigil, nurse: str, tmp_path: Path) -> None:
    device = vigil.add("device", "add", "--kind", "phone", "--nurse", nurse)
    out = tmp_path / "mosquitto"
    assert vigil("broker", "sync", "--out", str(out)) == ["written: passwords, acl, certified"]
    assert (out / "passwords").read_text().startswith(f"{device}:$7$")
    assert vigil("broker", "sync", "--out", str(out), "--reload") == []
    vigil("device", "revoke", device)
    failed = vigil.type("broker", "sync", "--out", str(out), "--reload", "--data-dir", str(vigil.data_dir))
    assert failed.exit_code == 1
    assert "does it run, with that pid_file?" in failed.stderr
