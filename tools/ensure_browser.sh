#!/bin/sh
# Make sure that Selenium finds a browser: Chrome, or Chromium with its driver.
set -eu

have() { command -v "$1" >/dev/null 2>&1; }

# With Chrome, Selenium Manager finds the driver by itself.
if have google-chrome || have google-chrome-stable; then exit 0; fi
if { have chromium || have chromium-browser; } && { have chromedriver || have chromium.chromedriver; }; then
    exit 0
fi
case "$(uname -s)" in
Linux) ;;
*) exit 0 ;; # Chrome is no command there; Selenium looks in the usual places and says so if not.
esac
if [ "$(id -u)" = 0 ] && have apt-get; then
    echo "Installing Debian's chromium and chromium-driver ..."
    apt-get update -qq
    if DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium chromium-driver; then
        exit 0
    fi
fi
echo "No browser found. On Debian: sudo apt install chromium chromium-driver" >&2
echo "Elsewhere: install Google Chrome (Selenium finds its driver)." >&2
exit 1
