#!/usr/bin/env bash
# Provides what tests need beyond Python: Mosquitto with its clients, PostgreSQL, Java and Maven for Kafka,
# and Chromium with Chinese glyphs.
# What is there is taken; what is not is installed with apt-get when that is allowed (root); what then is still
# missing is named. Exits 0 either way: a test that needs a missing part skips by name, or fails where CI=true.
set -u

have() { PATH="$PATH:/usr/sbin:/usr/local/sbin" command -v "$1" >/dev/null 2>&1; }
have_chromium() {
  local name
  for name in chromium chromium-browser google-chrome google-chrome-stable; do have "$name" && return 0; done
  [ -x '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome' ]
}
# Without fontconfig nothing can be said about glyphs; the page still works, its Chinese may show as boxes.
have_cjk() { ! have fc-list || [ -n "$(fc-list :lang=zh family 2>/dev/null | head -n 1)" ]; }

# Debian keeps the server's programs where no PATH looks.
have_postgres() { have postgres || compgen -G '/usr/lib/postgresql/*/bin/postgres' >/dev/null; }

# Kafka's jars come from Maven once, and stay in the cache (tests/support/kafka.py).
have_kafka() { compgen -G "${XDG_CACHE_HOME:-$HOME/.cache}/vigil/kafka-*.*/kafka_*.jar" >/dev/null; }

packages=()
have mosquitto || packages+=(mosquitto)
{ have mosquitto_pub && have mosquitto_sub; } || packages+=(mosquitto-clients)
have_postgres || packages+=(postgresql)
have java || packages+=(openjdk-17-jre-headless)
have mvn || have_kafka || packages+=(maven)
have_chromium || packages+=(chromium)
have_cjk && have_chromium || packages+=(fonts-noto-cjk)

if [ ${#packages[@]} -gt 0 ] && have apt-get && [ "$(id -u)" = 0 ]; then
  echo "installing for the tests: ${packages[*]}"
  log=$(mktemp)
  # Debian starts Mosquitto and PostgreSQL as services when they are installed; the tests start their own.
  if ! { apt-get update -q && RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive \
         apt-get install -q -y --no-install-recommends "${packages[@]}"; } >"$log" 2>&1; then
    echo "apt-get could not install them:" >&2
    tail -n 5 "$log" >&2
  fi
  rm -f "$log"
fi

have mosquitto || echo 'missing: mosquitto (an outside MQTT broker); tests against it are skipped. Install it, e.g. apt-get install mosquitto' >&2
{ have mosquitto_pub && have mosquitto_sub; } ||
  echo 'missing: mosquitto_pub and mosquitto_sub; tests with them are skipped. Install them, e.g. apt-get install mosquitto-clients' >&2
have_postgres || echo 'missing: postgres (the server); tests of the store on PostgreSQL are skipped. Install it, e.g. apt-get install postgresql' >&2
have java || echo 'missing: java; tests against a Kafka are skipped. Install it, e.g. apt-get install openjdk-17-jre-headless' >&2
{ have mvn || have_kafka; } || echo 'missing: mvn, which fetches Kafka; tests against it are skipped. Install it, e.g. apt-get install maven' >&2
have_chromium || echo 'missing: chromium; tests of the page are skipped. Install it, e.g. apt-get install chromium, or Google Chrome' >&2
exit 0
